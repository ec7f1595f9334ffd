#if __has_include(<hookcam/hookcam.hpp>)
#include <hookcam/hookcam.hpp>
#endif
#ifdef WITH_IO
#if __has_include(<hookcam/io.hpp>)
#include <hookcam/io.hpp>
#endif
#endif
#ifdef WITH_DATA
#include <hookcam/data.hpp>
#endif

int other_unit();

int main() { return other_unit(); }
