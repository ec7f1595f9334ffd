#pragma once

#include <hookcam/hookcam.hpp>

#include <cmath>
#include <cstddef>

/// Layers as a user of the library writes them: no name of hookcam::detail.
namespace mine {

namespace hc = hookcam;

/// x·sigmoid(x).
template <class... Policies>
struct swish : hc::layer<swish<Policies...>, Policies...> {
    using backward_reads = hc::reads<hc::input>;

    void forward(auto const& x, auto& y) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            y.data()[i] = x.data()[i] * sigmoid(x.data()[i]);
    }
    void backward(auto const& x, auto const& grad_y, auto& grad_x) const {
        for (std::size_t i = 0; i < x.size(); ++i) {
            auto const s = sigmoid(x.data()[i]);
            grad_x.data()[i] = grad_y.data()[i] * (s + x.data()[i] * s * (1 - s));
        }
    }

private:
    static auto sigmoid(auto x) { return 1 / (1 + std::exp(-x)); }
};

/// A factor for each channel of images.
template <std::size_t Channels, class... Policies>
struct scale : hc::layer<scale<Channels, Policies...>, Policies...> {
    using parameters = hc::parameters<hc::initially_one<hc::parameter<"factor", Channels>>>;
    using backward_reads = hc::reads<>;

    static constexpr hc::extents output_extents(hc::extents in) {
        hc::require(in.rank == 3 && in[0] == Channels,
                    "mine::scale: the input must have the layer's channels", in);
        return in;
    }
    void forward(auto const& own, auto const& x, auto& y) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            y.data()[i] = x.data()[i] * hc::get<"factor">(own)(channel(x, i));
    }
    void backward(auto const& own, auto const& grad_y, auto& grad_x) const { forward(own, grad_y, grad_x); }
    void backward_parameters(auto const&, auto const& x, auto const& grad_y, auto const& gradients) const {
        auto to = hc::get<"factor">(gradients);
        to.fill(0);
        for (std::size_t i = 0; i < x.size(); ++i)
            to(channel(x, i)) += x.data()[i] * grad_y.data()[i];
    }

private:
    static std::size_t channel(auto const& x, std::size_t i) {
        return i / (x.shape()[2] * x.shape()[3]) % Channels;
    }
};

/// A ReLU that never runs in place.
template <class... Policies>
struct relu_out_of_place : hc::layer<relu_out_of_place<Policies...>, Policies...> {
    using backward_reads = hc::reads<hc::output>;

    void forward(auto const& x, auto& y) const { hc::relu<>{}.forward(x, y); }
    void backward(auto const& y, auto const& grad_y, auto& grad_x) const {
        hc::relu<>{}.backward(y, grad_y, grad_x);
    }
};

} // namespace mine
