#pragma once

#if __has_include(<hookcam/hookcam.hpp>)
#include <hookcam/hookcam.hpp>
#endif
#ifdef WITH_IO
#include <hookcam/io.hpp>
#endif
#ifdef WITH_DATA
#include <hookcam/data.hpp>
#endif
#ifdef WITH_VIZ
#include <hookcam/viz.hpp>
#endif
