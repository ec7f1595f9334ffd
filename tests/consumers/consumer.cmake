# Runs one of the strangers' projects beside this file, as CMakeLists.txt here registers them:
#   cmake -D SETTINGS=<file> -D CONSUMER=<folder> -P consumer.cmake
# What the stranger does stands in <folder>/test.cmake; here is what all of them need.

cmake_minimum_required(VERSION 3.25)
include(${SETTINGS})

set(consumers ${CMAKE_CURRENT_LIST_DIR})
set(folder ${consumers}/${CONSUMER})
set(work ${HOOKCAM_BUILD_DIR}/consumers/${CONSUMER}) # the stranger's own, empty at the start
set(prefix ${HOOKCAM_BUILD_DIR}/consumers/prefix) # where the test consumer.install puts hookcam
set(warnings -Wall -Wextra -Wconversion -Wshadow -Werror)

# Runs a command that must succeed, and sets `output` to what it says.
function(run)
    execute_process(
        COMMAND ${ARGV} WORKING_DIRECTORY ${work} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output
    )
    if(NOT status EQUAL 0)
        list(JOIN ARGV " " command)
        message(FATAL_ERROR "${command}\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs a program that must succeed and print exactly `expected`.
function(run_printing expected)
    run(${ARGN})
    if(NOT output STREQUAL "${expected}")
        message(FATAL_ERROR "${ARGN} printed:\n${output}and not:\n${expected}")
    endif()
endfunction()

# Configures and builds a project in ${work}/build, with further options for the first.
function(build source)
    run(${CMAKE_COMMAND} -C ${SETTINGS} -S ${source} -B ${work}/build ${ARGN})
    run(${CMAKE_COMMAND} --build ${work}/build)
endfunction()

# Sets a variable to what pkg-config says, as a list; it knows the hookcam that was installed.
function(pkg_config variable)
    set(path ${prefix}/share/pkgconfig)
    foreach(folder IN LISTS CMAKE_PREFIX_PATH)
        list(APPEND path ${folder}/share/pkgconfig ${folder}/lib/pkgconfig)
    endforeach()
    list(JOIN path ":" path)
    set(ENV{PKG_CONFIG_PATH} "${path}:$ENV{PKG_CONFIG_PATH}")
    run(pkg-config ${ARGN})
    separate_arguments(output UNIX_COMMAND "${output}")
    set(${variable} ${output} PARENT_SCOPE)
endfunction()

# Packs what a project needs of hookcam's sources into a tar archive, as a release holds it.
function(pack archive)
    run(${CMAKE_COMMAND} -E chdir ${HOOKCAM_DIR} ${CMAKE_COMMAND} -E tar cf ${archive} CMakeLists.txt LICENSE include scripts)
endfunction()

file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work})
include(${folder}/test.cmake)
