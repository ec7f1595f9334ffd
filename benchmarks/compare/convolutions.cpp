#include "difference.hpp"
#include "machine.hpp"
#include "timed.hpp"
#include "work.hpp"

#include <hookcam/layers/conv2d/conv2d.hpp>
#include <hookcam/layers/conv2d/conv2d_cpu.hpp>
#include <hookcam/layers/conv2d/conv2d_direct_cpu.hpp>
#include <hookcam/layers/conv2d/conv2d_reference.hpp>
#include <hookcam/tensor/memory.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace compare {

namespace {

using hookcam::kernels::conv2d_parameters;

/// Which of its three computations.
enum class direction { forward, backward_data, backward_weights };

/// A single convolution of one picture: square, padded by half of its kernel, without a bias.
struct convolution {
    direction way = direction::forward;
    std::size_t in = 1;
    std::size_t out = 1;
    std::size_t kernel = 1;
    std::size_t stride = 1;
    std::size_t height = 1; ///< and width, of the input

    /// `conv.forward.3x32.k3.s1.h32`, and the way back.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] static std::optional<convolution> parse(std::string_view name);
};

constexpr std::array<std::pair<direction, std::string_view>, 3> directions{{
    {direction::forward, "forward"},
    {direction::backward_data, "backward_data"},
    {direction::backward_weights, "backward_weights"},
}};

conv2d_parameters parameters_of(convolution const& of) {
    hookcam::window const window{of.kernel, of.stride, 1, of.kernel / 2, of.kernel / 2};
    std::size_t const out = window.count(of.height);
    return {1, of.in, of.out, 1, of.height, of.height, out, out, window, window};
}

/// The three tensors of a convolution. Two of them are given, the third one is found.
template <class T>
struct tensors {
    explicit tensors(conv2d_parameters const& of)
        : x{of.in_channels * of.in_plane()},
          weight{of.out_channels * of.terms()},
          y{of.out_channels * of.out_plane()} {}

    /// The one that is found.
    [[nodiscard]] std::span<T> result(direction way) {
        auto& one = way == direction::forward ? y : way == direction::backward_data ? x : weight;
        return {one.data(), one.size()};
    }

    hookcam::memory<T> x, weight, y;
};

using hookcam::detail::blocked_layout;
constexpr std::size_t lanes = hookcam::detail::width<float>;

/// The forward pass over blocked channels, as a plan runs it: input and weights lie as the kernel wants them.
class direct_convolution {
public:
    /// Whether a plan would take this method, of those shapes that are compiled here.
    [[nodiscard]] static bool takes(conv2d_parameters const& of) {
        return hookcam::detail::vector_bytes >= 32 && of.columns.stride <= 2 &&
               (of.in_channels == 3 || of.in_channels >= lanes);
    }

    direct_convolution(conv2d_parameters const& of, tensors<float> const& from)
        : m_of{of,
               {of.in_channels, of.in_height, of.in_width, std::min(of.in_channels, lanes), of.rows.before},
               {of.out_channels, of.out_height, of.out_width, lanes, 0},
               {},
               hookcam::num_threads()},
          m_x{m_of.in.image()},
          m_packed{hookcam::kernels::conv2d_packed_weights<float>(of)},
          m_bias{m_of.out.blocks() * lanes},
          m_y{m_of.out.image()} {
        hookcam::detail::to_blocked(m_of.in, 1, from.x.data(), m_x.data());
        hookcam::kernels::conv2d_pack(of, m_of.in.block, from.weight.data(), m_packed.data());
    }

    void run() {
        bool const is_narrow = m_of.in.block == 3;
        std::size_t const kernel = m_of.shape.columns.kernel;
        if (m_of.shape.columns.stride == 1)
            !is_narrow ? run_with<lanes, 1>() : kernel == 3 ? run_with<3, 1, 9>() : run_with<3, 1>();
        else
            !is_narrow ? run_with<lanes, 2>() : kernel == 7 ? run_with<3, 2, 21>() : run_with<3, 2>();
    }

    void write(float* y) const { hookcam::detail::from_blocked(m_of.out, 1, m_y.data(), y); }

private:
    /// `RowTerms` as a plan gives it to the kernel.
    template <std::size_t Block, std::size_t Stride, std::size_t RowTerms = 0>
    void run_with() {
        using traits = hookcam::kernels::direct::tile_traits<Block, Stride, RowTerms>;
        float* const no_scratch = nullptr;
        hookcam::kernels::conv2d_direct<traits>(hookcam::cpu{}, m_of, static_cast<float const*>(m_x.data()),
                                                static_cast<float const*>(m_packed.data()),
                                                static_cast<float const*>(m_bias.data()), m_y.data(),
                                                no_scratch);
    }

    hookcam::kernels::conv2d_direct_parameters<float> m_of;
    hookcam::memory<float> m_x, m_packed, m_bias, m_y;
};

/// A backward pass over blocked channels, as a plan runs it: input, weights and gradients lie as the kernels want them.
class blocked_backward {
public:
    virtual ~blocked_backward() = default;
    virtual void run() = 0;
    /// Writes what was found: the gradient of the input, or that of the weights.
    virtual void write(float* to) const = 0;

protected:
    blocked_backward() = default;
    blocked_backward(blocked_backward const&) = default;
    blocked_backward& operator=(blocked_backward const&) = default;
};

template <std::size_t In, std::size_t Out, std::size_t Kernel, std::size_t Stride>
using square = hookcam::conv2d<In, Out, hookcam::kernel<Kernel>, hookcam::stride<Stride>,
                               hookcam::padding<Kernel / 2>, hookcam::no_bias>;

hookcam::memory<float> in_blocks(blocked_layout const& layout, float const* dense) {
    hookcam::memory<float> made{layout.image()};
    hookcam::detail::to_blocked(layout, 1, dense, made.data());
    return made;
}

template <class Layer>
class backward_to_input final : public blocked_backward {
    using backward = hookcam::detail::blocked_backward<Layer>;

public:
    backward_to_input(conv2d_parameters const& of, tensors<float> const& from)
        : m_grad_x_layout{of.in_channels, of.in_height, of.in_width,
                          backward::template takes_blocked<float> ? lanes : 0, 0},
          m_grad_y_layout{of.out_channels, of.out_height, of.out_width, lanes, backward::border},
          m_grad_y{in_blocks(m_grad_y_layout, from.y.data())},
          m_packed{backward::template packed_size<float>()},
          m_grad_x{m_grad_x_layout.block == 0 ? of.in_channels * of.in_plane() : m_grad_x_layout.image()},
          m_scratch{backward::template scratch<float>(
              m_workers, hookcam::extents{of.in_channels, of.in_height, of.in_width},
              hookcam::extents{of.out_channels, of.out_height, of.out_width})} {
        backward::pack(hookcam::belongings<Layer, float const, hookcam::cpu>{from.weight.data()},
                       m_packed.data());
    }

    void run() override {
        backward::to_input(
            hookcam::cpu{}, 1, m_workers, m_grad_y_layout, static_cast<float const*>(m_grad_y.data()),
            static_cast<float const*>(m_packed.data()), m_grad_x_layout, m_grad_x.data(), m_scratch.data());
    }

    void write(float* to) const override {
        if (m_grad_x_layout.block == 0)
            std::copy_n(m_grad_x.data(), m_grad_x.size(), to);
        else
            hookcam::detail::from_blocked(m_grad_x_layout, 1, m_grad_x.data(), to);
    }

private:
    std::size_t m_workers = hookcam::num_threads();
    blocked_layout m_grad_x_layout, m_grad_y_layout;
    hookcam::memory<float> m_grad_y, m_packed, m_grad_x, m_scratch;
};

template <class Layer>
class backward_to_weights final : public blocked_backward {
    using backward = hookcam::detail::blocked_backward<Layer>;
    using forward = hookcam::detail::blocked_kernel<Layer>;
    static constexpr std::size_t in_block = forward::template in_block<float>;

public:
    backward_to_weights(conv2d_parameters const& of, tensors<float> const& from)
        : m_x_layout{of.in_channels, of.in_height, of.in_width, in_block, forward::border},
          m_grad_y_layout{of.out_channels, of.out_height, of.out_width, lanes, backward::border},
          m_x{in_blocks(m_x_layout, from.x.data())},
          m_grad_y{in_blocks(m_grad_y_layout, from.y.data())},
          m_gradient{from.weight.size()},
          m_sums{backward::template sums_size<float>()},
          m_scratch{backward::template scratch<float>(
              m_workers, hookcam::extents{of.in_channels, of.in_height, of.in_width},
              hookcam::extents{of.out_channels, of.out_height, of.out_width})} {}

    void run() override {
        backward::template to_parameters<in_block>(
            hookcam::cpu{}, {1}, m_workers, m_x_layout, static_cast<float const*>(m_x.data()),
            m_grad_y_layout, static_cast<float const*>(m_grad_y.data()),
            hookcam::belongings<Layer, float, hookcam::cpu>{m_gradient.data()}, m_sums.data(),
            m_scratch.data());
    }

    void write(float* to) const override { std::copy_n(m_gradient.data(), m_gradient.size(), to); }

private:
    std::size_t m_workers = hookcam::num_threads();
    blocked_layout m_x_layout, m_grad_y_layout;
    hookcam::memory<float> m_x, m_grad_y, m_gradient, m_sums, m_scratch;
};

/// A shape whose backward is compiled here.
template <std::size_t In, std::size_t Out, std::size_t Kernel, std::size_t Stride>
struct compiled {};

/// The blocked backward, where a plan would take it and the shape is among these; else null.
template <std::size_t... In, std::size_t... Out, std::size_t... Kernel, std::size_t... Stride>
std::unique_ptr<blocked_backward> make_backward(direction way, conv2d_parameters const& of,
                                                tensors<float> const& from,
                                                compiled<In, Out, Kernel, Stride>...) {
    std::unique_ptr<blocked_backward> made;
    auto const make = [&]<class Layer>(Layer) {
        if constexpr (hookcam::detail::blocked_backward<Layer>::exists) {
            if (way == direction::backward_data)
                made = std::make_unique<backward_to_input<Layer>>(of, from);
            else if (way == direction::backward_weights)
                made = std::make_unique<backward_to_weights<Layer>>(of, from);
        }
    };
    (...,
     (of.in_channels == In && of.out_channels == Out && of.rows.kernel == Kernel && of.rows.stride == Stride
          ? make(square<In, Out, Kernel, Stride>{})
          : void()));
    return made;
}

std::unique_ptr<blocked_backward> make_backward(direction way, conv2d_parameters const& of,
                                                tensors<float> const& from) {
    return make_backward(way, of, from, compiled<3, 32, 3, 1>{}, compiled<32, 64, 3, 1>{},
                         compiled<64, 128, 3, 1>{}, compiled<16, 16, 3, 1>{}, compiled<16, 32, 3, 2>{},
                         compiled<32, 32, 3, 1>{}, compiled<32, 64, 3, 2>{}, compiled<64, 64, 3, 1>{},
                         compiled<3, 64, 7, 2>{}, compiled<64, 256, 1, 1>{}, compiled<256, 64, 1, 1>{},
                         compiled<256, 512, 1, 2>{}, compiled<128, 128, 3, 2>{}, compiled<128, 128, 3, 1>{},
                         compiled<256, 256, 3, 1>{}, compiled<1024, 256, 1, 1>{}, compiled<512, 512, 3, 1>{},
                         compiled<512, 2048, 1, 1>{});
}

class convolution_work final : public work {
public:
    explicit convolution_work(convolution const& of)
        : m_way{of.way},
          m_of{parameters_of(of)},
          m_tensors{m_of},
          m_scratch{hookcam::kernels::conv2d_scratch(m_of)} {
        std::mt19937 random{17};
        std::normal_distribution<float> normal;
        for (auto* one : {&m_tensors.x, &m_tensors.weight, &m_tensors.y})
            std::generate_n(one->data(), one->size(), [&] { return normal(random); });
        if (m_way == direction::forward && direct_convolution::takes(m_of))
            m_direct.emplace(m_of, m_tensors);
        m_backward = make_backward(m_way, m_of, m_tensors);
    }

    void run() override {
        using namespace hookcam::kernels;
        auto& [x, weight, y] = m_tensors;
        float* const no_bias = nullptr;
        if (m_backward != nullptr) {
            m_backward->run();
            return;
        }
        switch (m_way) {
        case direction::forward:
            if (m_direct)
                m_direct->run();
            else
                conv2d(hookcam::cpu{}, m_of, x.data(), weight.data(), no_bias, y.data(), m_scratch.data());
            break;
        case direction::backward_data:
            conv2d_backward(hookcam::cpu{}, m_of, y.data(), weight.data(), x.data(), m_scratch.data());
            break;
        case direction::backward_weights:
            conv2d_backward_parameters(hookcam::cpu{}, m_of, x.data(), y.data(), weight.data(), no_bias,
                                       m_scratch.data());
            break;
        }
    }

    [[nodiscard]] hookcam::state_dict results() const override { return {}; }

    /// Sums of up to some ten thousand terms against the same in double.
    [[nodiscard]] double tolerance() const override { return 1e-5; }

    [[nodiscard]] cost least() const override {
        auto const products = static_cast<double>(m_of.terms() * m_of.out_channels * m_of.out_plane());
        auto const numbers = m_tensors.x.size() + m_tensors.weight.size() + m_tensors.y.size();
        return {2 * products, static_cast<double>(numbers * sizeof(float))};
    }

    void write(std::filesystem::path const&) const override {
        throw std::logic_error{"a single convolution has no peers in other processes"};
    }

    [[nodiscard]] std::unique_ptr<runner> own_peer(std::string_view name, std::size_t threads) override {
        return name == "fma_peak" ? std::make_unique<fma_peak_runner>(*this, threads) : nullptr;
    }

private:
    /// Nothing but the operations, at the machine's peak: the ratio is the part of the peak that is reached.
    class fma_peak_runner final : public runner {
    public:
        fma_peak_runner(convolution_work& beside, std::size_t threads)
            : m_beside{beside},
              m_threads{threads} {}

        std::vector<double> run(std::size_t) override {
            return {m_beside.least().operations / fma_peak(m_threads)};
        }

        double difference() override { return m_beside.difference_from_reference(); }

    private:
        convolution_work& m_beside;
        std::size_t m_threads;
    };

    /// From the plain loops, in double.
    [[nodiscard]] double difference_from_reference() {
        tensors<double> exact{m_of};
        auto& [x, weight, y] = exact;
        std::copy_n(m_tensors.x.data(), x.size(), x.data());
        std::copy_n(m_tensors.weight.data(), weight.size(), weight.data());
        std::copy_n(m_tensors.y.data(), y.size(), y.data());
        double* const no_bias = nullptr;
        using namespace hookcam::reference;
        switch (m_way) {
        case direction::forward:
            conv2d(m_of, x.data(), weight.data(), no_bias, y.data());
            break;
        case direction::backward_data:
            conv2d_backward(m_of, y.data(), weight.data(), x.data());
            break;
        case direction::backward_weights:
            conv2d_backward_parameters(m_of, x.data(), y.data(), weight.data(), no_bias);
            break;
        }
        run();
        if (m_direct)
            m_direct->write(m_tensors.y.data());
        if (m_backward != nullptr)
            m_backward->write(m_tensors.result(m_way).data());
        auto const expected = exact.result(m_way);
        std::vector<float> const rounded(expected.begin(), expected.end());
        return relative_difference(rounded, m_tensors.result(m_way));
    }

    direction m_way;
    conv2d_parameters m_of;
    tensors<float> m_tensors;
    hookcam::memory<float> m_scratch;
    std::optional<direct_convolution> m_direct;
    std::unique_ptr<blocked_backward> m_backward;
};

/// Takes `text` from the front of `rest`, or else the number there.
bool take(std::string_view& rest, std::string_view text) {
    bool const is_there = rest.starts_with(text);
    rest.remove_prefix(is_there ? text.size() : 0);
    return is_there;
}
bool take(std::string_view& rest, std::size_t& number) {
    auto const [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return failure == std::errc{} && number > 0;
}

std::string convolution::name() const {
    auto const* const named = std::ranges::find(directions, way, &decltype(directions)::value_type::first);
    return "conv." + std::string{named->second} + '.' + std::to_string(in) + 'x' + std::to_string(out) +
           ".k" + std::to_string(kernel) + ".s" + std::to_string(stride) + ".h" + std::to_string(height);
}

std::optional<convolution> convolution::parse(std::string_view name) {
    for (auto const& [way, text] : directions) {
        convolution of{.way = way};
        auto rest = name;
        if (take(rest, "conv.") && take(rest, text) && take(rest, ".") && take(rest, of.in) &&
            take(rest, "x") && take(rest, of.out) && take(rest, ".k") && take(rest, of.kernel) &&
            take(rest, ".s") && take(rest, of.stride) && take(rest, ".h") && take(rest, of.height) &&
            rest.empty())
            return of;
    }
    return std::nullopt;
}

work_entry entry_of(convolution const& of) {
    return {of.name(), {"fma_peak"}, [of] { return std::make_unique<convolution_work>(of); }};
}

} // namespace

std::optional<work_entry> find_convolution(std::string_view name) {
    auto const of = convolution::parse(name);
    return of ? std::optional{entry_of(*of)} : std::nullopt;
}

void add_convolutions(std::vector<work_entry>& works) {
    constexpr std::array<convolution, 19> shapes{{
        // the tutorial's network
        {.in = 3, .out = 32, .kernel = 3, .height = 32},
        {.in = 32, .out = 64, .kernel = 3, .height = 16},
        {.in = 64, .out = 128, .kernel = 3, .height = 8},
        // ResNet-20
        {.in = 16, .out = 16, .kernel = 3, .height = 32},
        {.in = 16, .out = 32, .kernel = 3, .stride = 2, .height = 32},
        {.in = 32, .out = 32, .kernel = 3, .height = 16},
        {.in = 32, .out = 64, .kernel = 3, .stride = 2, .height = 16},
        {.in = 64, .out = 64, .kernel = 3, .height = 8},
        // ResNet-50
        {.in = 3, .out = 64, .kernel = 7, .stride = 2, .height = 224},
        {.in = 64, .out = 64, .kernel = 3, .height = 56},
        {.in = 64, .out = 256, .kernel = 1, .height = 56},
        {.in = 256, .out = 64, .kernel = 1, .height = 56},
        {.in = 256, .out = 512, .kernel = 1, .stride = 2, .height = 56},
        {.in = 128, .out = 128, .kernel = 3, .stride = 2, .height = 56},
        {.in = 128, .out = 128, .kernel = 3, .height = 28},
        {.in = 256, .out = 256, .kernel = 3, .height = 14},
        {.in = 1024, .out = 256, .kernel = 1, .height = 14},
        {.in = 512, .out = 512, .kernel = 3, .height = 7},
        {.in = 512, .out = 2048, .kernel = 1, .height = 7},
    }};
    for (auto const& [way, name] : directions)
        for (auto shape : shapes) {
            shape.way = way;
            works.push_back(entry_of(shape));
        }
}

} // namespace compare
