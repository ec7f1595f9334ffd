# Files for pkg-config, for those who build without CMake.
#
#   hookcam_install_pkg_config(<core|io|train|data|viz|opencv>)
#
# installs hookcam.pc, or hookcam-<part>.pc. What a part needs is named by its own .pc file where it has one.

function(hookcam_install_pkg_config part)
    set(name hookcam-${part})
    set(libraries "")
    set(includes "")
    if(part STREQUAL "core")
        set(name hookcam)
        set(description "${PROJECT_DESCRIPTION}")
        set(requires xtensor) # xtensor-blas has no .pc file; its headers lie beside xtensor's
        get_target_property(blas BLAS::BLAS INTERFACE_LINK_LIBRARIES)
        hookcam_link_flags(libraries ${blas})
    elseif(part STREQUAL "io")
        set(description "hookcam's weight files: PyTorch's, safetensors, .npy")
        set(requires nlohmann_json libzip)
    elseif(part STREQUAL "train")
        set(description "hookcam's training: losses, optimisers, checkpoints")
        set(requires "hookcam-io = ${PROJECT_VERSION}")
    elseif(part STREQUAL "data")
        set(description "hookcam's pictures, data sets and batches: PNG, JPEG, CIFAR-10")
        set(requires libpng libjpeg)
        set(libraries -pthread)
    elseif(part STREQUAL "viz")
        set(description "hookcam's colour maps, overlays and figures")
        set(requires "hookcam-data = ${PROJECT_VERSION}" pangocairo)
    elseif(part STREQUAL "opencv")
        set(description "hookcam's pictures and figures as OpenCV's matrices")
        set(requires "hookcam-viz = ${PROJECT_VERSION}")
        # OpenCV's .pc file is often not there, and names all of its libraries where it is. Its headers warn in C++20: -isystem.
        get_target_property(directories hookcam::opencv_core INTERFACE_INCLUDE_DIRECTORIES)
        list(REMOVE_ITEM directories ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})
        list(TRANSFORM directories PREPEND " -isystem " OUTPUT_VARIABLE includes)
        list(JOIN includes "" includes)
        get_target_property(opencv hookcam::opencv_core INTERFACE_LINK_LIBRARIES)
        if(TARGET ${opencv})
            get_target_property(opencv ${opencv} LOCATION)
        endif()
        hookcam_link_flags(libraries ${opencv})
    else()
        message(FATAL_ERROR "hookcam_install_pkg_config: hookcam has no part named ${part}")
    endif()
    if(NOT part STREQUAL "core")
        list(PREPEND requires "hookcam = ${PROJECT_VERSION}")
    endif()
    list(JOIN requires ", " requires)

    # Found from where the file lies, so that what is installed may be moved.
    set(folder ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig)
    cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${folder} OUTPUT_VARIABLE to_prefix)
    cmake_path(
        RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE to_include
    )
    file(
        CONFIGURE
        OUTPUT ${name}.pc
        CONTENT "prefix=\${pcfiledir}/@to_prefix@
includedir=\${prefix}/@to_include@

Name: @name@
Description: @description@
Version: @PROJECT_VERSION@
Requires: @requires@
Cflags: -I\${includedir}@includes@
Libs: @libraries@
"
        @ONLY
    )
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
endfunction()

# Sets a variable to what a linker is told to find these libraries, names for files: -lopenblas for
# /usr/lib/x86_64-linux-gnu/libopenblas.so, with -L in front where no linker looks by itself.
function(hookcam_link_flags variable)
    set(flags "")
    foreach(library IN LISTS ARGN)
        if(library MATCHES "^(.*)/lib([^/]+)\\.(so|a|dylib)$")
            set(name ${CMAKE_MATCH_2})
            file(REAL_PATH ${CMAKE_MATCH_1} folder)
            if(NOT folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
                list(APPEND flags -L${folder})
            endif()
            list(APPEND flags -l${name})
        else()
            list(APPEND flags ${library})
        endif()
    endforeach()
    list(JOIN flags " " flags)
    set(${variable} "${flags}" PARENT_SCOPE)
endfunction()
