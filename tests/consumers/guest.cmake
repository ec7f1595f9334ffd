# hookcam as a guest in another project: include this in front, and call check_guest(<hookcam's source folder>) when hookcam
# was added. Its targets are there, and nothing else has changed.

set(house
    CMAKE_BUILD_TYPE CMAKE_CXX_FLAGS CMAKE_CXX_FLAGS_RELEASE CMAKE_CXX_STANDARD CMAKE_CXX_EXTENSIONS CMAKE_MODULE_PATH
    CMAKE_INSTALL_PREFIX BUILD_TESTING BLA_VENDOR
)
foreach(variable IN LISTS house)
    set(before_${variable} "${${variable}}")
endforeach()
get_cmake_property(cache_before CACHE_VARIABLES)

function(must_be_empty value what)
    if(NOT value STREQUAL "")
        message(FATAL_ERROR "hookcam, a guest, brings ${what}: ${value}")
    endif()
endfunction()

function(check_guest guest)
    foreach(variable IN LISTS house)
        if(NOT "${${variable}}" STREQUAL "${before_${variable}}")
            message(FATAL_ERROR "hookcam, a guest, sets ${variable} to ${${variable}}")
        endif()
    endforeach()
    foreach(property IN ITEMS COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES LINK_OPTIONS)
        get_property(value DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} PROPERTY ${property})
        must_be_empty("${value}" "${property}")
    endforeach()

    # Headers only: there is nothing to build, to test or to install.
    get_property(targets DIRECTORY ${guest} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
        get_target_property(type ${target} TYPE)
        if(NOT type STREQUAL "INTERFACE_LIBRARY")
            message(FATAL_ERROR "hookcam, a guest, brings ${target} to be built")
        endif()
        foreach(property IN ITEMS INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS INTERFACE_LINK_OPTIONS)
            get_target_property(value ${target} ${property})
            # nvcc must be told of C++20 by a flag: CMake 3.25 has no other way.
            string(REPLACE "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20>" "" value "${value}")
            if(value)
                message(FATAL_ERROR "hookcam's ${target} brings ${property}: ${value}")
            endif()
        endforeach()
    endforeach()
    get_property(tests DIRECTORY ${guest} PROPERTY TESTS)
    must_be_empty("${tests}" "tests")
    get_property(folders DIRECTORY ${guest} PROPERTY SUBDIRECTORIES)
    must_be_empty("${folders}" "folders")

    # What the owner of the house sees in the cache is named after hookcam, or after a package that it looked for.
    get_cmake_property(cache CACHE_VARIABLES)
    list(REMOVE_ITEM cache ${cache_before})
    foreach(variable IN LISTS cache)
        get_property(type CACHE ${variable} PROPERTY TYPE)
        get_property(is_advanced CACHE ${variable} PROPERTY ADVANCED)
        if(NOT type STREQUAL "INTERNAL" AND NOT type STREQUAL "STATIC" AND NOT is_advanced
           AND NOT variable MATCHES "^(HOOKCAM|FETCHCONTENT|BLAS|LAPACK|PNG|JPEG|PKG_CONFIG)_|_DIR$"
        )
            message(FATAL_ERROR "hookcam, a guest, puts ${variable} into the cache")
        endif()
    endforeach()
endfunction()
