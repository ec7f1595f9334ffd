// Writes the files that io_pytorch.py has PyTorch read: io_pytorch FOLDER.

#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace hc = hookcam;
namespace fs = std::filesystem;

namespace {

using block = hc::sequential<hc::named<"conv", hc::conv2d<4, 4, hc::kernel<3>, hc::padding<1>, hc::no_bias>>,
                             hc::named<"bn", hc::batch_norm2d<4>>>;
using network = hc::sequential<hc::named<"stem", hc::conv2d<3, 4, hc::kernel<3>>>, hc::relu<>,
                               hc::named<"blocks", hc::indexed<block, block>>, hc::adaptive_avg_pool2d<2>,
                               hc::flatten<>, hc::named<"fc", hc::linear<16, 5>>>;

/// Numbers of (0, 2) that float holds exactly; the script knows the formula.
double number(std::size_t i) {
    return static_cast<double>(1 + i * 37 % 101) / 64;
}

template <class T>
hc::model<network, T> numbered() {
    hc::model<network, T> model;
    for (std::size_t i = 0; i < model.size(); ++i) {
        model.data()[i] = static_cast<T>(number(i));
    }
    return model;
}

void write_npy(fs::path const& path, auto const& values) {
    hc::write_npy<double>(path, std::span{values.data(), values.size()},
                          std::vector<std::size_t>(values.shape().begin(), values.shape().end()));
}

} // namespace

int main(int, char** argv) {
    fs::path const folder = argv[1];
    for (auto const* extension : {".pth", ".pt", ".safetensors"}) {
        hc::save(folder / (std::string{"float32"} + extension), numbered<float>());
        hc::save(folder / (std::string{"float64"} + extension), numbered<double>());
    }

    // One tensor of every type, all its bytes 1; one without elements; a key beyond ASCII.
    hc::state_dict types;
    for (auto type : {hc::dtype::f64, hc::dtype::f32, hc::dtype::f16, hc::dtype::bf16, hc::dtype::i64,
                      hc::dtype::i32, hc::dtype::i16, hc::dtype::i8, hc::dtype::u8, hc::dtype::boolean}) {
        types.insert(std::string{hc::name_of(type)},
                     {type, {2, 3}, std::vector<std::byte>(6 * hc::size_of(type), std::byte{1})});
    }
    types.insert("none", {hc::dtype::f32, {2, 0, 3}, {}});
    types.insert("\u5c42", {hc::dtype::u8, {}, {std::byte{7}}});
    hc::write_pth(folder / "types.pth", types);
    hc::write_safetensors(folder / "types.safetensors", types);

    xt::xtensor<double, 4> x{std::array<std::size_t, 4>{2, 3, 8, 8}};
    for (std::size_t i = 0; i < x.size(); ++i) {
        x.data()[i] = number(i * i) - 1;
    }
    write_npy(folder / "x.npy", x);
    write_npy(folder / "y.npy", numbered<double>()(x));
}
