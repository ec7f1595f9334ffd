# What each part of hookcam needs. The build and the installed package both read this file, so that they cannot differ.
#
#   hookcam_find_packages(<core|io|viz|data> <variable>)
#
# looks for the packages of a part, and sets <variable> to the names of those that are not there.

function(hookcam_find_packages part variable)
    # The user of hookcam may stand in a directory above ours: the targets found here must be visible there too.
    set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
    set(CMAKE_REQUIRED_QUIET ON)
    set(missing "")

    if(part STREQUAL "core")
        # xtensor-blas takes any BLAS it meets. OpenBLAS is the fastest of the free ones: first choice, unless the user chose.
        if(NOT BLA_VENDOR AND NOT DEFINED ENV{BLA_VENDOR})
            set(BLA_VENDOR OpenBLAS)
            find_package(BLAS QUIET)
            if(NOT BLAS_FOUND)
                unset(BLA_VENDOR)
            endif()
        endif()
        foreach(package IN ITEMS BLAS LAPACK xtensor xtensor-blas)
            find_package(${package} QUIET)
            if(NOT ${package}_FOUND)
                list(APPEND missing ${package})
            endif()
        endforeach()
    elseif(part STREQUAL "io")
        find_package(nlohmann_json QUIET)
        if(NOT nlohmann_json_FOUND)
            list(APPEND missing nlohmann_json)
        endif()
        # By pkg-config: libzip's own CMake package refuses to load where its command-line tools are not installed.
        hookcam_find_by_pkg_config(libzip missing)
    elseif(part STREQUAL "data" OR part STREQUAL "viz") # viz is built on data
        find_package(PNG QUIET)
        if(NOT PNG_FOUND)
            list(APPEND missing libpng)
        endif()
        find_package(JPEG QUIET)
        if(NOT JPEG_FOUND)
            list(APPEND missing libjpeg)
        endif()
        if(part STREQUAL "viz")
            hookcam_find_by_pkg_config(pangocairo missing)
        endif()
    else()
        message(FATAL_ERROR "hookcam_find_packages: hookcam has no part named ${part}")
    endif()

    list(JOIN missing ", " missing)
    set(${variable} "${missing}" PARENT_SCOPE)
endfunction()

# Makes the target PkgConfig::<module>, or appends the module's name to the list of what is missing.
function(hookcam_find_by_pkg_config module missing)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(${module} QUIET IMPORTED_TARGET GLOBAL ${module})
    endif()
    if(NOT TARGET PkgConfig::${module})
        set(${missing} ${${missing}} ${module} PARENT_SCOPE)
    endif()
endfunction()
