#include <hookcam/core/extents.hpp>

constexpr bool is_even(std::size_t width) {
    hookcam::require(width % 2 == 0, "hookcam::halve: the width must be even; crop one column", hookcam::extents{width});
    return true;
}

#if defined(FIVE_SIZES) // refused: hookcam::shape: must have one to four sizes; leave the batch out
using shape = hookcam::shape<1, 2, 3, 4, 5>;
#else
using shape = hookcam::shape<1, 2, 3, 4>;
#endif

#if defined(BROKEN_RULE) // refused: hookcam::halve: the width must be even; crop one column
static_assert(is_even(31));
#else
static_assert(is_even(32));
#endif

static_assert(shape::rank == 4);
