#include <hookcam/layers.hpp>

namespace hc = hookcam;
using hc::extents;

// Policies

#if defined(UNKNOWN_POLICY) // refused: hookcam::layer: a layer takes only policies that it knows
using linear = hc::linear<3, 8, hc::stride<2>>;
#else
using linear = hc::linear<3, 8, hc::no_bias>;
#endif
[[maybe_unused]] constexpr linear a_linear{};

#if defined(NO_POLICY_AT_ALL) // refused: hookcam::layer: a layer takes only policies that it knows
using relu = hc::relu<int>;
#else
using relu = hc::relu<>;
#endif
[[maybe_unused]] constexpr relu a_relu{};

#if defined(UNKNOWN_POLICY_IS_NAMED) // refused: known_policy<.*max_pool2d<2,.*groups<2
using pool = hc::max_pool2d<2, hc::groups<2>>;
#elif defined(POOL_HEIGHT_DIFFERS) // refused: hookcam::kernel: the height of a pooling.s window must be the number that the layer is given
using pool = hc::max_pool2d<2, hc::kernel<3, 2>>;
#elif defined(POOL_PADDING_TOO_WIDE) // refused: hookcam::padding: a pooling.s padding must be at most half of its window
using pool = hc::max_pool2d<2, hc::padding<1, 2>>;
#elif defined(POOL_PADDING_SAME) // refused: hookcam::padding_same: a pooling.s padding must be given in numbers
using pool = hc::max_pool2d<3, hc::padding_same, hc::stride<1>>;
#else
using pool = hc::max_pool2d<3, hc::kernel<3, 2>, hc::padding<1>>;
#endif
[[maybe_unused]] constexpr pool a_pool{};

#if defined(AVERAGE_HEIGHT_DIFFERS) // refused: hookcam::kernel: the height of a pooling.s window must be the number that the layer is given
using average = hc::avg_pool2d<2, hc::kernel<3, 2>>;
#elif defined(AVERAGE_PADDING_TOO_WIDE) // refused: hookcam::padding: a pooling.s padding must be at most half of its window
using average = hc::avg_pool2d<3, hc::padding<2>>;
#elif defined(AVERAGE_DILATION) // refused: hookcam::layer: a layer takes only policies that it knows
using average = hc::avg_pool2d<3, hc::dilation<2>>;
#else
using average = hc::avg_pool2d<3, hc::padding<1>>;
#endif
[[maybe_unused]] constexpr average an_average{};

// Hyper-parameters of a convolution

#if defined(TWO_OF_A_KIND) // refused: hookcam::layer: a layer takes one policy of a kind; take the others out
using conv = hc::conv2d<4, 8, hc::kernel<3>, hc::padding<1>, hc::padding_same>;
#elif defined(NO_KERNEL) // refused: hookcam::conv2d: must know the size of its window; add kernel<3>
using conv = hc::conv2d<4, 8, hc::padding<1>>;
#elif defined(GROUPS_DO_NOT_DIVIDE_INPUT) // refused: hookcam::conv2d: the groups must divide the input and the output
using conv = hc::conv2d<3, 8, hc::kernel<3>, hc::groups<4>>;
#elif defined(GROUPS_DO_NOT_DIVIDE_OUTPUT) // refused: hookcam::conv2d: the groups must divide the input and the output
using conv = hc::conv2d<4, 6, hc::kernel<3>, hc::groups<4>>;
#elif defined(NO_GROUP) // refused: hookcam::conv2d: the groups must divide the input and the output
using conv = hc::conv2d<4, 8, hc::kernel<3>, hc::groups<0>>;
#elif defined(UNKNOWN_METHOD) // refused: hookcam::algorithm: must name a way to compute a convolution
using conv = hc::conv2d<4, 8, hc::kernel<3>, hc::algorithm<int>>;
#elif defined(NO_CHANNEL) // refused: hookcam::conv2d: must have at least one input and one output channel
using conv = hc::conv2d<4, 0, hc::kernel<3>>;
#elif defined(EMPTY_KERNEL) // refused: hookcam::kernel: a window must have at least one row and one column
using conv = hc::conv2d<4, 8, hc::kernel<3, 0>>;
#elif defined(NO_STRIDE) // refused: hookcam::stride: a window must move by at least one
using conv = hc::conv2d<4, 8, hc::kernel<3>, hc::stride<0>>;
#elif defined(NO_DILATION) // refused: hookcam::dilation: the elements of a window must be at least one apart
using conv = hc::conv2d<4, 8, hc::kernel<3>, hc::dilation<0>>;
#elif defined(SAME_WITH_STRIDE) // refused: hookcam::padding_same: must come with stride 1
using conv = hc::conv2d<4, 8, hc::kernel<3>, hc::padding_same, hc::stride<2>>;
#else
using conv = hc::conv2d<4, 8, hc::kernel<3>, hc::padding_same, hc::groups<4>>;
#endif
[[maybe_unused]] constexpr conv a_conv{};

// Those of the other layers

#if defined(NO_FEATURE) // refused: hookcam::linear: must have at least one input and one output
[[maybe_unused]] constexpr hc::linear<0, 8> no_feature{};
#elif defined(NO_PART) // refused: hookcam::adaptive_avg_pool2d: must make at least one row and one column
[[maybe_unused]] constexpr hc::adaptive_avg_pool2d<0> no_part{};
#elif defined(NO_PART_OF_A_MAXIMUM) // refused: hookcam::adaptive_max_pool2d: must make at least one row and one column
[[maybe_unused]] constexpr hc::adaptive_max_pool2d<2, 0> no_part_of_a_maximum{};
#elif defined(NO_NORM) // refused: hookcam::lp_pool2d: the norm must be at least one
[[maybe_unused]] constexpr hc::lp_pool2d<0, 2> no_norm{};
#elif defined(NORM_WITH_PADDING) // refused: hookcam::layer: a layer takes only policies that it knows
[[maybe_unused]] constexpr hc::lp_pool2d<2, 2, hc::padding<1>> norm_with_padding{};
#elif defined(NEGATIVE_EPS) // refused: hookcam::batch_norm2d: eps must not be negative
[[maybe_unused]] constexpr hc::batch_norm2d<4, hc::eps<-1e-5>> negative_eps{};
#elif defined(IMPROBABLE) // refused: hookcam::dropout: the probability must be from 0 to 1
[[maybe_unused]] constexpr hc::dropout<hc::probability<50.0>> improbable{};
#elif defined(NEGATIVE_ALPHA) // refused: hookcam::elu: alpha must not be negative
[[maybe_unused]] constexpr hc::elu<hc::alpha<-1.0>> negative_alpha{};
#elif defined(GROUPS_DO_NOT_DIVIDE_CHANNELS) // refused: hookcam::group_norm: the groups must divide the channels
[[maybe_unused]] constexpr hc::group_norm<4, 6> groups_do_not_divide{};
#elif defined(NORM_OF_UNKNOWN_SHAPE) // refused: hookcam::layer_norm: the shape must be known and not empty
[[maybe_unused]] constexpr hc::layer_norm<hc::image<4>> norm_of_unknown_shape{};
#elif defined(OUTPUT_PADDING_TOO_WIDE) // refused: hookcam::conv_transpose2d: the output padding must be less
[[maybe_unused]] constexpr hc::conv_transpose2d<2, 2, hc::kernel<3>, hc::stride<2>, hc::output_padding<2>> too_wide{};
#elif defined(FEWER_CHANNELS) // refused: hookcam::pad_shortcut: must have at least as many output as input channels
[[maybe_unused]] constexpr hc::pad_shortcut<4, 2> fewer_channels{};
#else
[[maybe_unused]] constexpr hc::pad_shortcut<2, 4> more_channels{};
#endif

// Inputs

using conv3x8 = hc::conv2d<3, 8, hc::kernel<3>>;
#if defined(CHANNELS_DO_NOT_MATCH) // refused: hookcam::conv2d: the input must have as many channels
constexpr auto after_conv = conv3x8::output_extents(extents{16, 8, 8});
#elif defined(KERNEL_TOO_LARGE) // refused: hookcam::conv2d: the window must not be larger than the padded input
constexpr auto after_conv = conv3x8::output_extents(extents{3, 8, 2});
#elif defined(FEATURES_INTO_CONV) // refused: hookcam::conv2d: the input must be images; put the layer in front of
constexpr auto after_conv = conv3x8::output_extents(extents{128});
#else
constexpr auto after_conv = conv3x8::output_extents(extents{3, 8, 8});
#endif
static_assert(after_conv == extents{8, 6, 6});

#if defined(IMAGES_INTO_LINEAR) // refused: hookcam::linear: the input must be feature vectors; put flatten<> in front
constexpr auto after_linear = hc::linear<128, 10>::output_extents(extents{128, 1, 1});
#elif defined(FEATURES_DO_NOT_MATCH) // refused: hookcam::linear: the input must have as many features
constexpr auto after_linear = hc::linear<128, 10>::output_extents(extents{64});
#else
constexpr auto after_linear = hc::linear<128, 10>::output_extents(extents{128});
#endif
static_assert(after_linear == extents{10});

#if defined(POOL_TOO_LARGE) // refused: hookcam::max_pool2d: the window must not be larger than the padded input
constexpr auto after_pool = hc::max_pool2d<3>::output_extents(extents{4, 2, 2});
#elif defined(AVERAGE_TOO_LARGE) // refused: hookcam::avg_pool2d: the window must not be larger than the padded input
constexpr auto after_pool = hc::avg_pool2d<3>::output_extents(extents{4, 2, 2});
#else
constexpr auto after_pool = hc::max_pool2d<3>::output_extents(extents{4, 3, 3});
#endif
static_assert(after_pool == extents{4, 1, 1});

#if defined(NORM_CHANNELS_DO_NOT_MATCH) // refused: hookcam::batch_norm2d: the input must have as many channels
constexpr auto after_norm = hc::batch_norm2d<8>::output_extents(extents{4, 2, 2});
#elif defined(SHORTCUT_CHANNELS_DO_NOT_MATCH) // refused: hookcam::pad_shortcut: the input must have as many channels
constexpr auto after_norm = hc::pad_shortcut<8, 16>::output_extents(extents{4, 2, 2});
#else
constexpr auto after_norm = hc::batch_norm2d<4>::output_extents(extents{4, 2, 2});
#endif
static_assert(after_norm == extents{4, 2, 2});

int main() {}
