# Runs PROGRAM with ARGUMENTS (with commas between), and compares what it prints with the file PRINTS, to the letter.
cmake_minimum_required(VERSION 3.25)

string(REPLACE "," ";" arguments "${ARGUMENTS}")
execute_process(COMMAND ${PROGRAM} ${arguments} OUTPUT_VARIABLE printed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ended with ${status}; it printed\n${printed}")
endif()
file(READ ${PRINTS} expected)
if(NOT printed STREQUAL expected)
    message(FATAL_ERROR "${PRINTS} must hold what the program prints:\n${printed}")
endif()
