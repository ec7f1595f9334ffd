# Two files of one program, compiled for different sets of instructions: the widest that this machine has, and the plainest.
file(
    WRITE ${work}/widest.cpp
    "#include <cstdio>
int main() {
#ifdef __x86_64__
    if (__builtin_cpu_supports(\"avx512f\") && __builtin_cpu_supports(\"avx512bw\") &&
        __builtin_cpu_supports(\"avx512dq\") && __builtin_cpu_supports(\"avx512vl\"))
        std::puts(\"x86-64-v4\");
    else if (__builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\"))
        std::puts(\"x86-64-v3\");
#endif
}
"
)
run(${CMAKE_CXX_COMPILER} ${work}/widest.cpp -o ${work}/widest)
run(${work}/widest)
string(STRIP "${output}" widest)
if(widest STREQUAL "")
    message("skipped: this machine has no instructions beyond x86-64's first")
    return()
endif()

build(${folder} -D WIDE=${widest})
foreach(program IN ITEMS plain_first_0 wide_first_0 plain_first_2 wide_first_2 mixed)
    run_printing("both are right\n" ${work}/build/${program})
endforeach()
message("plain and ${widest}")

# Of a function that both units define, a linker keeps one: so neither a kernel nor what calls one may be among these, even
# where nothing is inlined.
find_program(nm nm REQUIRED)
function(read_weak_symbols variable unit)
    run(${nm} -P --defined-only ${work}/build/CMakeFiles/${unit}.dir/unit.cpp.o)
    string(REGEX MATCHALL "[^ \n]+ [WVu] " symbols "${output}")
    list(TRANSFORM symbols REPLACE " .*" "")
    set(${variable} ${symbols} PARENT_SCOPE)
endfunction()
read_weak_symbols(shared plain0)
read_weak_symbols(own wide0)
set(once ${shared})
list(REMOVE_ITEM once ${own})
list(REMOVE_ITEM shared ${once})
list(LENGTH shared count)
if(count LESS 100)
    message(FATAL_ERROR "only ${count} symbols are common to both units: are these all?")
endif()
# Kernels for float or double; forward and backward of layers; what makes a map.
list(FILTER shared INCLUDE REGEX "^_ZNK?7hookcam7kernels.*I[fd]|^_ZNK7hookcam.*(7forward|8backward)I|^_ZN7hookcam6detail9make_maps")
if(shared)
    list(JOIN shared "\n  " shared)
    message(FATAL_ERROR "Both sets have, outside of the namespace of theirs:\n  ${shared}")
endif()
message("none of ${count} common symbols is a kernel")
