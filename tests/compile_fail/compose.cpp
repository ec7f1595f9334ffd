#include <hookcam/compose/indexed.hpp>
#include <hookcam/compose/output_shape.hpp>
#include <hookcam/compose/paths.hpp>
#include <hookcam/compose/residual.hpp>
#include <hookcam/layers.hpp>

namespace hc = hookcam;

// Names

#if defined(EQUAL_NAMES) // refused: hookcam::named: two layers of one scope must not have the same name
using names = hc::sequential<hc::named<"a", hc::relu<>>, hc::named<"b", hc::relu<>>, hc::named<"a", hc::relu<>>>;
#elif defined(EQUAL_NAMES_IN_UNNAMED_COMPOSITES) // refused: hookcam::named: two layers of one scope must not have the same name
using names = hc::sequential<hc::residual<hc::named<"a", hc::relu<>>>, hc::sequential<hc::tap<"a">>>;
#elif defined(EQUAL_NAMES_DEEP_BELOW) // refused: hookcam::named: two layers of one scope must not have the same name
using names = hc::named<"a", hc::indexed<hc::relu<>, hc::sequential<hc::tap<"t">, hc::residual<hc::relu<>, hc::tap<"t">>>>>;
#elif defined(EQUAL_TO_AN_INDEX) // refused: hookcam::named: two layers of one scope must not have the same name
using names = hc::sequential<hc::indexed<hc::relu<>, hc::relu<>>, hc::named<"1", hc::relu<>>>;
#elif defined(ONE_LAYER_IN_TWO_PLACES) // refused: nor can one layer.s weights be shared by two places; rename one
using twice = hc::named<"twice", hc::linear<8, 8>>;
using names = hc::sequential<twice, hc::relu<>, twice>;
#else
using names = hc::sequential<hc::named<"a", hc::sequential<hc::tap<"a">, hc::tap<"b">>>, hc::named<"b", hc::relu<>>>;
#endif
auto const& all_names = hc::paths<names>();

#if defined(NAME_WITH_A_DOT) // refused: hookcam::named: a name must not hold a dot
using named = hc::named<"layer1.0", hc::relu<>>;
#elif defined(EMPTY_NAME) // refused: hookcam::named: a name must not be empty
using named = hc::named<"", hc::relu<>>;
#elif defined(POLICY_OF_A_NAME) // refused: hookcam::named: what follows the layer must be slots
using named = hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>>, hc::padding<1>>;
#else
using named = hc::named<"layer1", hc::relu<>>;
#endif
[[maybe_unused]] constexpr named a_name{};

#if defined(EMPTY_SEQUENTIAL) // refused: hookcam::sequential: must hold at least one layer
using sequence = hc::sequential<>;
#else
using sequence = hc::sequential<hc::identity<>>;
#endif
[[maybe_unused]] constexpr sequence a_sequence{};

// Joins

#if defined(FEATURES_DO_NOT_JOIN) // refused: hookcam::linear: the input must have as many features
using joined = hc::sequential<hc::flatten<>, hc::linear<10, 4>>;
#elif defined(CHANNELS_DO_NOT_JOIN) // refused: hookcam::conv2d: the input must have as many channels
using joined = hc::sequential<hc::conv2d<3, 8, hc::kernel<1>>, hc::named<"inner", hc::sequential<hc::relu<>, hc::conv2d<4, 2, hc::kernel<1>>>>, hc::flatten<>>;
#elif defined(IMAGES_INTO_LINEAR) // refused: hookcam::linear: the input must be feature vectors
using joined = hc::sequential<hc::relu<>, hc::linear<48, 4>>;
#elif defined(RESIDUAL_DOES_NOT_JOIN) // refused: hookcam::residual: body and shortcut must have outputs of one size
using joined = hc::sequential<hc::residual<hc::conv2d<3, 8, hc::kernel<1>>>, hc::flatten<>>;
#elif defined(RESIDUAL_OF_ANOTHER_SIZE) // refused: hookcam::residual: body and shortcut must have outputs of one size
using joined = hc::sequential<hc::residual<hc::conv2d<3, 3, hc::kernel<3>>>, hc::flatten<>>;
#else
using joined = hc::sequential<hc::residual<hc::conv2d<3, 3, hc::kernel<3>, hc::padding<1>>>, hc::flatten<>>;
#endif
static_assert(hc::output_shape<joined, hc::image<3, 4, 4>>::rank == 1);

int main() {}
