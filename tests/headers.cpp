// Nothing: tests/CMakeLists.txt names the headers that are compiled with it, once for most tests.
