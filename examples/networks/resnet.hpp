#pragma once

#include <hookcam/hookcam.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace networks {

namespace hc = hookcam;

namespace resnet_parts {

template <std::size_t In, std::size_t Out, std::size_t Size, std::size_t Step = 1>
using convolution =
    hc::conv2d<In, Out, hc::kernel<Size>, hc::stride<Step>, hc::padding<Size / 2>, hc::no_bias>;

/// What goes around a block: the input itself, or, where the block changes its size, a convolution of it.
template <std::size_t In, std::size_t Out, std::size_t Step>
using shortcut =
    std::conditional_t<Step == 1 && In == Out, hc::identity<>,
                       hc::sequential<hc::named<
                           "downsample", hc::indexed<convolution<In, Out, 1, Step>, hc::batch_norm2d<Out>>>>>;

/// A block that works on a quarter of its channels, with the step at the 3×3 convolution, where torchvision
/// has it.
template <std::size_t In, std::size_t Out, std::size_t Step = 1>
using bottleneck = hc::sequential<                                                          //
    hc::residual<hc::sequential<hc::named<"conv1", convolution<In, Out / 4, 1>>,            //
                                hc::named<"bn1", hc::batch_norm2d<Out / 4>>, hc::relu<>,    //
                                hc::named<"conv2", convolution<Out / 4, Out / 4, 3, Step>>, //
                                hc::named<"bn2", hc::batch_norm2d<Out / 4>>, hc::relu<>,    //
                                hc::named<"conv3", convolution<Out / 4, Out, 1>>,           //
                                hc::named<"bn3", hc::batch_norm2d<Out>>>,                   //
                 shortcut<In, Out, Step>>,                                                  //
    hc::relu<>>;

template <std::size_t In, std::size_t Out, std::size_t Step, class Rest>
struct stage_of;
template <std::size_t In, std::size_t Out, std::size_t Step, std::size_t... Rest>
struct stage_of<In, Out, Step, std::index_sequence<Rest...>> {
    template <std::size_t>
    using next = bottleneck<Out, Out>;
    using type = hc::indexed<bottleneck<In, Out, Step>, next<Rest>...>;
};

/// Blocks named 0, 1, 2 …; the first one takes the step and changes the channels.
template <std::size_t Blocks, std::size_t In, std::size_t Out, std::size_t Step>
using stage = typename stage_of<In, Out, Step, std::make_index_sequence<Blocks - 1>>::type;

} // namespace resnet_parts

/// The residual networks of bottleneck blocks for ImageNet of He et al., "Deep residual learning for image
/// recognition" (2015), with torchvision's names: 3×H×W in, 1,000 logits out. The numbers are those of blocks
/// in each of the four stages.
template <std::size_t A, std::size_t B, std::size_t C, std::size_t D>
using bottleneck_resnet = hc::sequential<                       //
    hc::named<"conv1", resnet_parts::convolution<3, 64, 7, 2>>, //
    hc::named<"bn1", hc::batch_norm2d<64>>,                     //
    hc::relu<>,                                                 //
    hc::max_pool2d<3, hc::stride<2>, hc::padding<1>>,           //
    hc::named<"layer1", resnet_parts::stage<A, 64, 256, 1>>,    //
    hc::named<"layer2", resnet_parts::stage<B, 256, 512, 2>>,   //
    hc::named<"layer3", resnet_parts::stage<C, 512, 1024, 2>>,  //
    hc::named<"layer4", resnet_parts::stage<D, 1024, 2048, 2>>, //
    hc::adaptive_avg_pool2d<1>,                                 //
    hc::flatten<>,                                              //
    hc::named<"fc", hc::linear<2048, 1000>>>;

using resnet50 = bottleneck_resnet<3, 4, 6, 3>;

} // namespace networks
