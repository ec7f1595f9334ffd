build(${folder})
run_printing("1 x 10\n" ${work}/build/consumer)

run(${CMAKE_COMMAND} --install ${work}/build --prefix ${work}/prefix)
file(GLOB_RECURSE installed ${work}/prefix/*)
if(installed)
    message(FATAL_ERROR "hookcam, a guest, installs ${installed}")
endif()
