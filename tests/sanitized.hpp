#pragma once

// Whether a test is built with a sanitizer, which brings an allocator of its own. g++ says so by macros, clang by
// features.
#if defined(__SANITIZE_ADDRESS__)
#define HOOKCAM_ADDRESS_SANITIZER 1
#elif defined(__SANITIZE_THREAD__)
#define HOOKCAM_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOOKCAM_ADDRESS_SANITIZER 1
#elif __has_feature(thread_sanitizer)
#define HOOKCAM_THREAD_SANITIZER 1
#endif
#endif
