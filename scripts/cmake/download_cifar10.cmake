# Downloads CIFAR-10, verifies it and unpacks it: what the target download_cifar10 runs.
#
#   cmake -D URL=<url> -D HASH=<algorithm>=<digits> -D FOLDER=<folder> -P download_cifar10.cmake
#
# Afterwards FOLDER/cifar-10-batches-bin/ holds test_batch.bin and data_batch_1.bin to data_batch_5.bin. Where that is there,
# nothing is done. A download that was interrupted goes on where it stopped; what is not what was promised is deleted.

cmake_minimum_required(VERSION 3.25)

set(batches ${FOLDER}/cifar-10-batches-bin)
if(EXISTS ${batches}/test_batch.bin)
    message("CIFAR-10 is there: ${batches}")
    return()
endif()
if(NOT HASH MATCHES "^(MD5|SHA1|SHA224|SHA256|SHA384|SHA512)=([0-9a-fA-F]+)$")
    message(FATAL_ERROR "The hash of CIFAR-10's archive must be like SHA256=<digits>; it is \"${HASH}\"")
endif()
set(algorithm ${CMAKE_MATCH_1})
string(TOLOWER ${CMAKE_MATCH_2} promised)

set(part ${FOLDER}/cifar-10.part) # what has come so far
set(more ${FOLDER}/cifar-10.more) # what comes now
set(unpacked ${FOLDER}/cifar-10.unpacked)

# What an interrupted run has left: it may be of use, and where it is not the hash tells.
function(keep_what_came)
    if(EXISTS ${more})
        if(EXISTS ${part})
            execute_process(
                COMMAND ${CMAKE_COMMAND} -E cat ${part} ${more} OUTPUT_FILE ${part}.joined COMMAND_ERROR_IS_FATAL ANY
            )
            file(RENAME ${part}.joined ${part})
            file(REMOVE ${more})
        else()
            file(RENAME ${more} ${part})
        endif()
    endif()
endfunction()

function(clean_up)
    file(REMOVE ${part} ${part}.joined ${more})
    file(REMOVE_RECURSE ${unpacked})
    file(GLOB rest ${FOLDER}/*)
    if(NOT rest)
        file(REMOVE_RECURSE ${FOLDER})
    endif()
endfunction()

file(MAKE_DIRECTORY ${FOLDER})
keep_what_came()
set(sum "")
set(size 0)
if(EXISTS ${part})
    file(${algorithm} ${part} sum)
endif()
if(NOT sum STREQUAL promised)
    set(from "")
    if(EXISTS ${part})
        file(SIZE ${part} size)
        set(from RANGE_START ${size})
        message("going on with ${URL}, of which ${size} bytes are there")
    else()
        message("downloading ${URL}")
    endif()
    file(DOWNLOAD ${URL} ${more} ${from} SHOW_PROGRESS TLS_VERIFY ON INACTIVITY_TIMEOUT 60 STATUS status)
    keep_what_came()
    list(POP_FRONT status code reason)
    if(NOT code EQUAL 0)
        # 22, 33, 36 of libcurl: the server refuses, the rest of what is there too.
        if(EXISTS ${part})
            file(SIZE ${part} size)
        endif()
        if(size EQUAL 0 OR code MATCHES "^(22|33|36)$")
            clean_up()
        endif()
        message(FATAL_ERROR "${URL} could not be downloaded: ${reason}. Try again, or name another with HOOKCAM_CIFAR10_URL")
    endif()
    file(${algorithm} ${part} sum)
endif()
if(NOT sum STREQUAL promised)
    clean_up()
    message(FATAL_ERROR "${URL} is not what was promised, and was deleted: its ${algorithm} is ${sum}, not ${promised}")
endif()

file(REMOVE_RECURSE ${unpacked})
file(ARCHIVE_EXTRACT INPUT ${part} DESTINATION ${unpacked})
if(NOT EXISTS ${unpacked}/cifar-10-batches-bin/test_batch.bin)
    clean_up()
    message(FATAL_ERROR "${URL} must hold cifar-10-batches-bin/test_batch.bin, and does not")
endif()
file(RENAME ${unpacked}/cifar-10-batches-bin ${batches})
clean_up()
message("CIFAR-10 is there: ${batches}")
