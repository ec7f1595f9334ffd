# No CMake: a compiler, and what pkg-config says.
set(path $ENV{PKG_CONFIG_PATH})
string(REPLACE ":" ";" path "${path}")
list(PREPEND path ${prefix}/share/pkgconfig)
foreach(folder IN LISTS CMAKE_PREFIX_PATH)
    list(APPEND path ${folder}/share/pkgconfig ${folder}/lib/pkgconfig)
endforeach()
list(JOIN path ":" path)
set(ENV{PKG_CONFIG_PATH} "${path}")

# Compiles a source with what pkg-config says about the packages.
function(compile source program)
    run(pkg-config --cflags --libs ${ARGN})
    separate_arguments(flags UNIX_COMMAND "${output}")
    run(${CMAKE_CXX_COMPILER} -std=c++20 ${warnings} ${source} -o ${work}/${program} ${flags})
endfunction()

compile(${consumers}/main.cpp consumer hookcam)
run_printing("1 x 10\n" ${work}/consumer)

if("io" IN_LIST PARTS AND "viz" IN_LIST PARTS)
    compile(${consumers}/parts.cpp parts hookcam-io hookcam-viz)
    run_printing("200 x 300, conv.weight\n" ${work}/parts)
endif()
foreach(part IN LISTS PARTS)
    run(pkg-config --exists --print-errors "hookcam-${part} >= 0.1")
endforeach()
