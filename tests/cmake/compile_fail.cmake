# Compiles one case of a source that CompileFail.cmake registered: COMPILER, FLAGS, HEADERS, SOURCE, CASE.

cmake_minimum_required(VERSION 3.25)

set(ENV{LC_ALL} C) # the compiler's own words in English, whatever the user reads
set(command ${COMPILER} @${FLAGS} -fsyntax-only -include ${HEADERS} -D${CASE} ${SOURCE})
execute_process(COMMAND ${command} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(CASE STREQUAL "CONTROL")
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "must compile, but the compiler says:\n${output}")
    endif()
    return()
endif()

file(READ ${SOURCE} text)
if(NOT text MATCHES "if defined\\(${CASE}\\) *// refused: ([^\n]+)")
    message(FATAL_ERROR "the line of ${CASE} in ${SOURCE} must end with '// refused: <sentence>'")
endif()
set(sentence "${CMAKE_MATCH_1}")

if(status EQUAL 0)
    message(FATAL_ERROR "compiles, but must be refused with: ${sentence}")
endif()
if(NOT status EQUAL 1 OR output MATCHES "internal compiler error|PLEASE submit a bug report|Segmentation fault")
    message(FATAL_ERROR "the compiler broke down (${status}):\n${output}")
endif()
if(NOT output MATCHES "${sentence}")
    message(FATAL_ERROR "refused, but not with: ${sentence}\n${output}")
endif()
