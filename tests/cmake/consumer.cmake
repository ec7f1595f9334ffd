# Builds and runs tests/consumers/<CONSUMER> as a stranger would: CONSUMER, SOURCE_DIR, BUILD_DIR, COMPILER, PARTS and
# PREFIX_PATH, the last two with commas between their elements.

cmake_minimum_required(VERSION 3.25)

string(REPLACE "," ";" PARTS "${PARTS}")
string(REPLACE "," ";" PREFIX_PATH "${PREFIX_PATH}")

set(work ${BUILD_DIR}/consumers/${CONSUMER})
file(REMOVE_RECURSE ${work})

function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
        list(JOIN ARGV " " command)
        message(FATAL_ERROR "${command}\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

if(CONSUMER STREQUAL "find_package")
    run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${work}/prefix)
    list(PREPEND PREFIX_PATH ${work}/prefix)
endif()
file(
    WRITE ${work}/settings.cmake
    "set(CMAKE_CXX_COMPILER [[${COMPILER}]] CACHE FILEPATH [[]])
set(CMAKE_BUILD_TYPE Release CACHE STRING [[]])
set(CMAKE_PREFIX_PATH [[${PREFIX_PATH}]] CACHE STRING [[]])
set(HOOKCAM_DIR [[${SOURCE_DIR}]] CACHE PATH [[]])
set(PARTS [[${PARTS}]] CACHE STRING [[]])
"
)
run(${CMAKE_COMMAND} -C ${work}/settings.cmake -S ${SOURCE_DIR}/tests/consumers/${CONSUMER} -B ${work}/build)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/consumer)
if(NOT output MATCHES "^1 x 10\n$")
    message(FATAL_ERROR "the consumer printed: ${output}")
endif()
