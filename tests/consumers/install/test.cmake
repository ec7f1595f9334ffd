# Installs hookcam for the other tests, and moves it: an installed hookcam works wherever it stands.
file(REMOVE_RECURSE ${prefix})
run(${CMAKE_COMMAND} --install ${HOOKCAM_BUILD_DIR} --prefix ${work}/prefix)
file(RENAME ${work}/prefix ${prefix})

# It names no folder of the machine that it was made on.
file(GLOB_RECURSE files ${prefix}/*.cmake ${prefix}/*.pc)
if(NOT files)
    message(FATAL_ERROR "neither a CMake package nor a .pc file was installed")
endif()
foreach(file IN LISTS files)
    file(READ ${file} text)
    foreach(path IN ITEMS ${HOOKCAM_DIR} ${HOOKCAM_BUILD_DIR})
        string(FIND "${text}" "${path}" at)
        if(NOT at EQUAL -1)
            message(FATAL_ERROR "${file} names ${path}")
        endif()
    endforeach()
endforeach()
