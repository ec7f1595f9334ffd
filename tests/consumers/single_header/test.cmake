# hookcam as one file, beside the stranger's own: compiled in two of them, which are linked together.

# Writes the header into a folder, twice: the same bytes must come.
function(amalgamate folder)
    file(MAKE_DIRECTORY ${folder})
    set(header ${folder}/hookcam_single.hpp)
    run(${HOOKCAM_PYTHON} -B ${HOOKCAM_DIR}/scripts/amalgamate -o ${header} ${ARGN})
    run(${HOOKCAM_PYTHON} -B ${HOOKCAM_DIR}/scripts/amalgamate -o ${work}/again.hpp ${ARGN})
    run(${CMAKE_COMMAND} -E compare_files ${header} ${work}/again.hpp)

    file(STRINGS ${header} top LIMIT_COUNT 5)
    if(NOT top MATCHES "^// hookcam [0-9]+[.][0-9]+[.][0-9]+, .*BSD 3-Clause License")
        message(FATAL_ERROR "${header} must begin with version and licence, and begins with ${top}")
    endif()
    file(STRINGS ${header} strange REGEX "^ *# *(line|include *\"|include *<hookcam)")
    if(strange)
        message(FATAL_ERROR "${header} must stand alone, but has ${strange}")
    endif()
    # Apart from those under a condition, on which nothing below can build.
    file(READ ${header} text)
    string(REGEX REPLACE "\n *# *if[^\n]*(\n *# *include[^\n]*)+\n *# *endif" "" text "${text}")
    string(REGEX MATCHALL "\n *# *include[^\n]*" includes "${text}")
    list(LENGTH includes before)
    list(REMOVE_DUPLICATES includes)
    list(LENGTH includes after)
    if(after EQUAL 0 OR NOT after EQUAL before)
        message(FATAL_ERROR "${header} has ${before} lines with #include, of which ${after} differ: each must be there once")
    endif()
endfunction()

# Compiles a program that includes <hookcam/...>, turned to the single header, with a second file that has only that. What
# the packages stand on is there, their own headers are not.
function(compile source folder)
    file(READ ${source} text)
    string(REGEX REPLACE "#include <hookcam/[^>]+>" "#include \"hookcam_single.hpp\"" text "${text}")
    file(WRITE ${folder}/main.cpp "${text}")
    file(WRITE ${folder}/other.cpp "#include \"hookcam_single.hpp\"\n")
    pkg_config(flags --cflags --libs ${ARGN})
    list(FILTER flags EXCLUDE REGEX "^-I${prefix}/")
    run(${CMAKE_CXX_COMPILER} -std=c++20 ${warnings} ${folder}/main.cpp ${folder}/other.cpp -o ${folder}/program ${flags})
endfunction()

set(core ${work}/core)
amalgamate(${core})
compile(${consumers}/main.cpp ${core} hookcam)
run_printing("1 x 10\n" ${core}/program)

# With parts: the README's program.
if("io" IN_LIST PARTS AND "viz" IN_LIST PARTS)
    set(all ${work}/all)
    amalgamate(${all} io data viz)
    compile(${HOOKCAM_DIR}/examples/readme.cpp ${all} hookcam-io hookcam-data hookcam-viz)
    set(data ${HOOKCAM_DIR}/examples/data)
    run(${all}/program ${data}/cifar10_cnn.safetensors ${data}/cifar10_test_200.bin)
    if(NOT output MATCHES "a frog; evidence at row 25, column 13: 1\n$")
        message(FATAL_ERROR "the README's program printed:\n${output}")
    endif()
endif()

amalgamate(${work}/everything --all)

# A part that is not there is named, with those that are.
execute_process(
    COMMAND ${HOOKCAM_PYTHON} -B ${HOOKCAM_DIR}/scripts/amalgamate -o ${work}/none.hpp nonsense
    RESULT_VARIABLE status ERROR_VARIABLE output
)
if(status EQUAL 0 OR NOT output MATCHES "nonsense is no part of hookcam; there are .*io")
    message(FATAL_ERROR "scripts/amalgamate nonsense ended with ${status} and said: ${output}")
endif()
