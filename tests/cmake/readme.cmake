# The README shows the program examples/readme.cpp and what it prints, to the letter.
file(READ ${SOURCE_DIR}/README.md readme)
file(READ ${SOURCE_DIR}/examples/readme.cpp program)
string(REGEX REPLACE "^.*// clang-format off\n" "" program "${program}")
string(FIND "${readme}" "```cpp\n${program}```" at)
if(at EQUAL -1)
    message(FATAL_ERROR "README.md must show examples/readme.cpp; copy it there")
endif()

set(pictures ${SOURCE_DIR}/examples/data/cifar10_test_200.bin)
execute_process(
    COMMAND ${PROGRAM} ${SOURCE_DIR}/examples/data/cifar10_cnn.safetensors ${pictures} OUTPUT_VARIABLE printed
    RESULT_VARIABLE status
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "the README's program ended with ${status}")
endif()
string(FIND "${readme}" "```\n${printed}```" at)
if(at EQUAL -1)
    message(FATAL_ERROR "README.md must show what its program prints:\n${printed}")
endif()
