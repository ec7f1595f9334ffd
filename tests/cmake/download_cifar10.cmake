# The target download_cifar10, with an archive of 200 pictures in place of CIFAR-10's 60000: SOURCE_DIR, WORK (a folder), CXX
# (the compiler), EVALUATE (that program, or nothing).

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
set(folder ${WORK}/cifar-10)
set(pictures ${folder}/cifar-10-batches-bin/test_batch.bin)
set(sample ${SOURCE_DIR}/examples/data/cifar10_test_200.bin)

# What a server would have.
set(archive ${WORK}/server/cifar-10-binary.tar.gz)
file(MAKE_DIRECTORY ${WORK}/server/cifar-10-batches-bin)
file(COPY_FILE ${sample} ${WORK}/server/cifar-10-batches-bin/test_batch.bin)
execute_process(
    COMMAND ${CMAKE_COMMAND} -E tar czf ${archive} cifar-10-batches-bin WORKING_DIRECTORY ${WORK}/server
    COMMAND_ERROR_IS_FATAL ANY
)
file(SHA256 ${archive} hash)

# Runs the script, and says what must come of it: an expression that its status and output must meet.
function(download url hash expected_status expected_output)
    execute_process(
        COMMAND ${CMAKE_COMMAND} -D URL=${url} -D HASH=${hash} -D FOLDER=${folder} -P
                ${SOURCE_DIR}/scripts/cmake/download_cifar10.cmake
        RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output
    )
    string(REGEX REPLACE "[ \n]+" " " output "${output}") # CMake breaks lines
    if(NOT status EQUAL expected_status OR NOT output MATCHES "${expected_output}")
        message(FATAL_ERROR "the download of ${url}, which must be ${hash}, ended with ${status} and said:\n${output}")
    endif()
endfunction()

function(must_be_complete)
    file(GLOB left RELATIVE ${folder} ${folder}/*)
    if(NOT left STREQUAL "cifar-10-batches-bin")
        message(FATAL_ERROR "the download left ${left}")
    endif()
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${sample} ${pictures} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(must_be_gone)
    if(EXISTS ${folder})
        file(GLOB left ${folder}/*)
        message(FATAL_ERROR "the download failed, and left ${folder} with ${left}")
    endif()
endfunction()

# As a user does it: by the target, with variables of the cache.
execute_process(
    COMMAND
        ${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${WORK}/build -D CMAKE_CXX_COMPILER=${CXX} -D HOOKCAM_TESTS=OFF -D
        HOOKCAM_BENCHMARKS=OFF -D HOOKCAM_CIFAR10_DIR=${folder} -D HOOKCAM_CIFAR10_URL=file://${archive} -D
        HOOKCAM_CIFAR10_HASH=SHA256=${hash}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)
execute_process(
    COMMAND ${CMAKE_COMMAND} --build ${WORK}/build --target download_cifar10 OUTPUT_VARIABLE output ERROR_VARIABLE output
    COMMAND_ERROR_IS_FATAL ANY
)
must_be_complete()
if(NOT output MATCHES "100% complete")
    message(FATAL_ERROR "the download showed no progress:\n${output}")
endif()
if(NOT EVALUATE STREQUAL "")
    execute_process(
        COMMAND ${EVALUATE} --network simple_cnn --weights ${SOURCE_DIR}/examples/data/cifar10_cnn.safetensors --data
                ${pictures}
        OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY
    )
    if(NOT output MATCHES "of 200 correct\n$")
        message(FATAL_ERROR "evaluate said: ${output}")
    endif()
endif()

# What is there is not downloaded again.
download(file://${WORK}/nowhere SHA256=${hash} 0 "CIFAR-10 is there")
must_be_complete()

# What is not what was promised, or not there, leaves nothing behind.
file(REMOVE_RECURSE ${folder})
string(REPLACE "0" "1" wrong "0${hash}")
string(SUBSTRING "${wrong}" 0 64 wrong)
download(file://${archive} SHA256=${wrong} 1 "is not what was promised")
must_be_gone()
download(file://${WORK}/nowhere SHA256=${hash} 1 "could not be downloaded")
must_be_gone()
download(file://${archive} nonsense 1 "must be like SHA256=<digits>")
must_be_gone()

# Another archive, and be it the right one.
file(MAKE_DIRECTORY ${WORK}/other)
file(WRITE ${WORK}/other/readme.txt "no pictures\n")
execute_process(
    COMMAND ${CMAKE_COMMAND} -E tar czf ${WORK}/other.tar.gz readme.txt WORKING_DIRECTORY ${WORK}/other
    COMMAND_ERROR_IS_FATAL ANY
)
file(SHA256 ${WORK}/other.tar.gz other_hash)
download(file://${WORK}/other.tar.gz SHA256=${other_hash} 1 "must hold cifar-10-batches-bin/test_batch.bin")
must_be_gone()

# Interrupted twice: it goes on behind what came.
find_program(head head)
find_program(tail tail)
if(head AND tail)
    file(MAKE_DIRECTORY ${folder})
    execute_process(COMMAND ${head} -c 100000 ${archive} OUTPUT_FILE ${folder}/cifar-10.part)
    execute_process(
        COMMAND ${tail} -c +100001 ${archive} COMMAND ${head} -c 50000 OUTPUT_FILE ${folder}/cifar-10.more ERROR_QUIET
    )
    download(file://${archive} SHA256=${hash} 0 "of which 150000 bytes are there")
    must_be_complete()
endif()
