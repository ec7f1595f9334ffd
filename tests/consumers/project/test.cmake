# The skeleton of examples/project, copied and left as it is. What a copy must do, its README says.
set(mine ${work}/mine)
file(COPY ${HOOKCAM_DIR}/examples/project/ DESTINATION ${mine})
list(PREPEND CMAKE_PREFIX_PATH ${prefix})
run(${CMAKE_COMMAND} -E chdir ${mine} ${CMAKE_COMMAND} --preset default -D CMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
    -D CMAKE_BUILD_TYPE= "-DCMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH}"
)
run(${CMAKE_COMMAND} --build ${mine}/build)
if(EXISTS ${mine}/build/_deps/hookcam-src)
    message(FATAL_ERROR "the project fetched hookcam, which is installed")
endif()

set(weights ${HOOKCAM_DIR}/examples/data/cifar10_cnn.safetensors)
run_printing("${mine}/frog.png: frog\n" ${mine}/build/my_program ${weights} ${mine}/frog.png ${work}/figure.png)
file(SIZE ${work}/figure.png size)
if(size LESS 10000)
    message(FATAL_ERROR "the figure has ${size} bytes only")
endif()

# What it says when something is wrong.
execute_process(
    COMMAND ${mine}/build/my_program ${weights} ${mine}/no.png RESULT_VARIABLE status ERROR_VARIABLE output
)
if(NOT status EQUAL 1 OR NOT output MATCHES "^hookcam::.*no[.]png")
    message(FATAL_ERROR "without a picture the program ended with ${status} and said: ${output}")
endif()

# Where hookcam is not installed the project says what it needs,
execute_process(
    COMMAND ${CMAKE_COMMAND} -C ${SETTINGS} -S ${mine} -B ${work}/fetched -D CMAKE_DISABLE_FIND_PACKAGE_hookcam=ON
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE output
)
if(status EQUAL 0 OR NOT output MATCHES "hookcam is not found.*CMAKE_PREFIX_PATH=.*HOOKCAM_URL=")
    message(FATAL_ERROR "without hookcam CMake ended with ${status} and said: ${output}")
endif()
# and fetches it: here from an archive that the test packs.
pack(${work}/hookcam.tar)
run(${CMAKE_COMMAND} -C ${SETTINGS} -S ${mine} -B ${work}/fetched -D CMAKE_DISABLE_FIND_PACKAGE_hookcam=ON
    -D HOOKCAM_URL=file://${work}/hookcam.tar
)
if(NOT EXISTS ${work}/fetched/_deps/hookcam-src/include/hookcam/hookcam.hpp)
    message(FATAL_ERROR "the project did not fetch hookcam")
endif()
