# Runs compare for a moment, with peers that are part of it, and checks the form of its report and that results agree. How
# fast anything was is not checked. And that ResNet-50's plan needs little memory.
#
#   cmake -D PROGRAM=… -D FOLDER=… -P check_report.cmake

set(works simple_cnn.grad_cam.b1)
set(shape 3x32.k3.s1.h32)
foreach(way IN ITEMS forward backward_data backward_weights)
    list(APPEND works conv.${way}.${shape} conv.${way}.5x6.k3.s2.h7)
endforeach()
list(JOIN works "," list)
set(report ${FOLDER}/compare.json)
file(REMOVE ${report})
# OpenBLAS would read the first, and must not see it; the second is a setting that compare replaces.
set(ENV{OPENBLAS_CORETYPE} Prescott)
set(ENV{OPENBLAS_NUM_THREADS} 3)
execute_process(
    COMMAND ${PROGRAM} --works ${list} --peers fma_peak,own_forward --rounds 2 --json ${report}
    RESULT_VARIABLE status
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "compare ended with ${status}:\n${output}")
endif()
if(NOT output MATCHES "BLAS: " OR output MATCHES "Prescott")
    message(FATAL_ERROR "compare must name the BLAS, and run without OPENBLAS_CORETYPE:\n${output}")
endif()

file(READ ${report} json)
string(JSON rows LENGTH "${json}")
list(LENGTH works count)
if(NOT rows EQUAL count)
    message(FATAL_ERROR "there must be a row for each of ${count} works:\n${json}")
endif()
math(EXPR last "${rows} - 1")
foreach(i RANGE ${last})
    foreach(key_and_type IN ITEMS
            work:STRING peer:STRING threads:NUMBER ours_us:NUMBER peer_us:NUMBER ratio_min:NUMBER ratio_median:NUMBER
            ratio_max:NUMBER agrees:BOOLEAN floor_us:NUMBER
    )
        string(REPLACE ":" ";" key_and_type ${key_and_type})
        list(GET key_and_type 0 key)
        list(GET key_and_type 1 type)
        string(JSON found ERROR_VARIABLE failure TYPE "${json}" ${i} ${key})
        if(NOT found STREQUAL type)
            message(FATAL_ERROR "${key} must be a ${type} in row ${i}:\n${json}")
        endif()
        string(JSON ${key} GET "${json}" ${i} ${key})
    endforeach()
    list(GET works ${i} asked)
    if(NOT work STREQUAL asked)
        message(FATAL_ERROR "row ${i} must be ${asked}:\n${json}")
    endif()
    if(NOT agrees)
        message(FATAL_ERROR "${work} must agree:\n${output}")
    endif()
    if(ours_us LESS_EQUAL 0 OR peer_us LESS_EQUAL 0 OR floor_us LESS_EQUAL 0)
        message(FATAL_ERROR "times must be more than nothing in row ${i}:\n${json}")
    endif()
    if(ratio_min GREATER ratio_median OR ratio_median GREATER ratio_max)
        message(FATAL_ERROR "the ratios of row ${i} are not in order:\n${json}")
    endif()
endforeach()

# A plan's tensors take the places of those that nobody needs any more.
execute_process(
    COMMAND ${PROGRAM} --works resnet50.forward.b1 --peers libtorch --rounds 1 OUTPUT_VARIABLE output ERROR_VARIABLE output
)
set(most_percent 25)
if(NOT output MATCHES "memory: resnet50.forward.b1, [0-9.]+ MB without packed weights, ([0-9.]+) %")
    message(FATAL_ERROR "compare must say how much memory a plan of ResNet-50 holds:\n${output}")
elseif(CMAKE_MATCH_1 GREATER most_percent)
    message(FATAL_ERROR "a plan of ResNet-50 must hold at most ${most_percent} % of the outputs of its layers:\n${output}")
endif()

execute_process(COMMAND ${PROGRAM} --works no_such.work RESULT_VARIABLE status ERROR_VARIABLE output OUTPUT_QUIET)
if(NOT status EQUAL 2 OR NOT output MATCHES "no_such.work.*simple_cnn.forward.b1")
    message(FATAL_ERROR "an unknown work must be refused, with a list of those there are:\n${output}")
endif()
