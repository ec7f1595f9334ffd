#pragma once

#include <hookcam/hookcam.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace networks {

namespace hc = hookcam;

template <std::size_t In, std::size_t Out, std::size_t Step = 1>
using conv3x3 = hc::conv2d<In, Out, hc::kernel<3>, hc::stride<Step>, hc::padding<1>, hc::no_bias>;

/// What goes around a block: the input itself, or, where the block changes its size, every second pixel
/// between new channels of zeros.
template <std::size_t In, std::size_t Out, std::size_t Step>
using block_shortcut =
    std::conditional_t<Step == 1, hc::identity<>, hc::pad_shortcut<In, Out, hc::stride<Step>>>;

template <std::size_t In, std::size_t Out, std::size_t Step = 1>
using basic_block = hc::sequential<hc::residual<hc::sequential<hc::named<"conv1", conv3x3<In, Out, Step>>, //
                                                               hc::named<"bn1", hc::batch_norm2d<Out>>,    //
                                                               hc::relu<>,                                 //
                                                               hc::named<"conv2", conv3x3<Out, Out>>,      //
                                                               hc::named<"bn2", hc::batch_norm2d<Out>>>,   //
                                                block_shortcut<In, Out, Step>>,                            //
                                   hc::relu<>>;

namespace detail {

template <std::size_t In, std::size_t Out, std::size_t Step, class Rest>
struct stage_of;
template <std::size_t In, std::size_t Out, std::size_t Step, std::size_t... Rest>
struct stage_of<In, Out, Step, std::index_sequence<Rest...>> {
    template <std::size_t>
    using next = basic_block<Out, Out>;
    using type = hc::indexed<basic_block<In, Out, Step>, next<Rest>...>;
};

/// The number of blocks in each of the three stages.
template <std::size_t Depth>
struct blocks_of {
    static_assert(
        Depth >= 8 && Depth % 6 == 2,
        "networks::cifar_resnet: the depth must be 6n + 2, for n blocks of two convolutions in each "
        "of three stages; take 20, 32, 44, 56 or 110");
    static constexpr std::size_t value = (Depth - 2) / 6;
};

} // namespace detail

/// Blocks named 0, 1, 2 …; the first one takes the step and changes the channels.
template <std::size_t Blocks, std::size_t In, std::size_t Out, std::size_t Step>
using stage = typename detail::stage_of<In, Out, Step, std::make_index_sequence<Blocks - 1>>::type;

/// The residual networks for CIFAR-10 of He et al., "Deep residual learning for image recognition" (2015),
/// section 4.2, with shortcuts without parameters (option A): 3×32×32 in, ten logits out. Pictures come in as
/// x/255, less the mean (.485, .456, .406), over the deviation (.229, .224, .225).
template <std::size_t Depth, std::size_t Blocks = detail::blocks_of<Depth>::value>
using cifar_resnet = hc::sequential<               //
    hc::named<"conv1", conv3x3<3, 16>>,            //
    hc::named<"bn1", hc::batch_norm2d<16>>,        //
    hc::relu<>,                                    //
    hc::named<"layer1", stage<Blocks, 16, 16, 1>>, //
    hc::named<"layer2", stage<Blocks, 16, 32, 2>>, //
    hc::named<"layer3", stage<Blocks, 32, 64, 2>>, //
    hc::adaptive_avg_pool2d<1>,                    //
    hc::flatten<>,                                 //
    hc::named<"linear", hc::linear<64, 10>>>;

} // namespace networks
