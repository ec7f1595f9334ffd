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
