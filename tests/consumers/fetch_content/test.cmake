# A release is an archive on a server; here it is one that the test packs, and no network is needed.
set(archive ${work}/hookcam.tar)
pack(${archive})
file(SHA256 ${archive} hash)
build(${folder} -D HOOKCAM_URL=file://${archive} -D HOOKCAM_HASH=SHA256=${hash})
run_printing("1 x 10\n" ${work}/build/consumer)

if(NOT EXISTS ${work}/build/_deps/hookcam-src/include/hookcam/hookcam.hpp)
    message(FATAL_ERROR "the project took hookcam from elsewhere than ${archive}")
endif()
