# No CMake: a compiler, and what pkg-config says.
function(compile source program)
    pkg_config(flags --cflags --libs ${ARGN})
    run(${CMAKE_CXX_COMPILER} -std=c++20 ${warnings} ${source} -o ${work}/${program} ${flags})
endfunction()

compile(${consumers}/main.cpp consumer hookcam)
run_printing("1 x 10\n" ${work}/consumer)

if("io" IN_LIST PARTS AND "viz" IN_LIST PARTS)
    compile(${consumers}/parts.cpp parts hookcam-io hookcam-viz)
    run_printing("200 x 300, conv.weight\n" ${work}/parts)
endif()
foreach(part IN LISTS PARTS)
    pkg_config(_ --exists --print-errors "hookcam-${part} >= 0.1")
endforeach()
