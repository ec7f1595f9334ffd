# find_package(hookcam [COMPONENTS io data viz opencv]): the target hookcam::hookcam, and hookcam::io, hookcam::data,
# hookcam::viz, hookcam::opencv for the components that are asked for. Without COMPONENTS: every component whose packages are
# there.

include("${CMAKE_CURRENT_LIST_DIR}/hookcamPackages.cmake")

set(hookcam_reasons "")

hookcam_find_packages(core hookcam_missing)
if(NOT hookcam_missing STREQUAL "")
    set(hookcam_FOUND FALSE)
    set(hookcam_NOT_FOUND_MESSAGE "hookcam needs ${hookcam_missing}: install what is missing")
    return()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/hookcam-core.cmake")

if(hookcam_FIND_COMPONENTS)
    set(hookcam_wanted ${hookcam_FIND_COMPONENTS})
else()
    set(hookcam_wanted io data viz opencv)
endif()
# What a part is built on must be there first.
if(opencv IN_LIST hookcam_wanted)
    list(PREPEND hookcam_wanted viz)
endif()
if(viz IN_LIST hookcam_wanted)
    list(PREPEND hookcam_wanted data)
endif()
list(REMOVE_DUPLICATES hookcam_wanted)

foreach(hookcam_part IN LISTS hookcam_wanted)
    if(NOT EXISTS "${CMAKE_CURRENT_LIST_DIR}/hookcam-${hookcam_part}.cmake")
        set(hookcam_reason "hookcam was installed without the component ${hookcam_part}")
    else()
        hookcam_find_packages(${hookcam_part} hookcam_missing)
        if(hookcam_missing STREQUAL "")
            include("${CMAKE_CURRENT_LIST_DIR}/hookcam-${hookcam_part}.cmake")
            set(hookcam_${hookcam_part}_FOUND TRUE)
            continue()
        endif()
        set(hookcam_reason "hookcam::${hookcam_part} needs ${hookcam_missing}: install what is missing")
    endif()
    set(hookcam_${hookcam_part}_FOUND FALSE)
    if(hookcam_FIND_REQUIRED_${hookcam_part})
        set(hookcam_FOUND FALSE)
        list(APPEND hookcam_reasons "${hookcam_reason}")
    endif()
endforeach()

if(hookcam_reasons)
    list(JOIN hookcam_reasons "\n" hookcam_NOT_FOUND_MESSAGE)
endif()
