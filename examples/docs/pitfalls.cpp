// What docs/pitfalls.md shows.
#include "../networks/simple_cnn.hpp"

#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <iostream>
#include <type_traits>

namespace hc = hookcam;

int main(int, char** arguments) {
    auto const model = hc::load<networks::simple_cnn>(arguments[1]);
    hc::cifar10_file const pictures{arguments[2]};
    hc::normalization const as_trained{.mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}};
    auto const frog = hc::image_tensor<float>(pictures.picture(102), as_trained);
    auto const other = hc::image_tensor<float>(pictures.picture(0), as_trained);

    {
        std::cout << "# views\n";
        auto plan = hc::plan(model);
        auto const view = plan(frog);            // shows the frog's logits ...
        xt::xtensor<float, 2> const kept = view; // ... which are kept here
        plan(other);                             // ... and are gone from the view after this
        std::cout << (view(0, 6) == kept(0, 6) ? "unchanged\n" : "the view shows the other picture\n");
    }

    {
        std::cout << "# the first layer's grad_input\n";
        auto const look = [](auto const& layer, auto const& grad_input, auto const&) {
            constexpr bool none = std::is_same_v<std::remove_cvref_t<decltype(grad_input)>, hc::no_gradient>;
            std::cout << layer.path() << ": " << (none ? "none" : "there") << '\n';
        };
        auto const watched = hc::attach<"conv1">(model, hc::on_backward(look));
        auto without = hc::plan(watched, hc::gradients_request<>{});
        auto with = hc::plan(watched, hc::with_input_gradient<hc::gradients_request<>>{});
        auto gradient = xt::xtensor<float, 2>::from_shape({1, 10});
        gradient.fill(1);
        without(frog, gradient);
        with(frog, gradient);
    }

    {
        std::cout << "# a view of parameters that is kept\n";
        auto mine = model;
        mine.parameter("fc2.bias").fill(0);
        mine.parameter("fc1.bias").fill(0);
        auto plan = hc::plan(mine);
        float const before = plan(frog)(0, 6);
        auto weight = mine.parameter("fc1.weight"); // mutable access, once
        plan(frog);                                 // reads the parameters
        weight *= 2.0F;                             // behind the plan's back
        plan.refresh();                             // so that the next call reads them anew
        std::cout << "the logit is " << plan(frog)(0, 6) / before << " times what it was\n";
    }

    {
        std::cout << "# an all-zero map\n";
        auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv3">{});
        std::size_t blank = 0;
        for (std::size_t i = 0; i < pictures.size(); ++i) {
            auto const& cam = look(hc::image_tensor<float>(pictures.picture(i), as_trained));
            if (cam.status[0] == hc::cam_status::no_positive_evidence)
                ++blank;
        }
        std::cout << blank << " of " << pictures.size() << '\n';
    }

    {
        std::cout << "# another normalisation\n";
        auto infer = hc::plan<hc::image<3, 32, 32>>(model);
        auto const correct = [&](hc::normalization const& how) {
            std::size_t count = 0;
            for (std::size_t i = 0; i < pictures.size(); ++i) {
                auto const logits = infer(hc::image_tensor<float>(pictures.picture(i), how));
                auto const best = std::max_element(logits.begin(), logits.end()) - logits.begin();
                count += static_cast<std::size_t>(best) == pictures.label(i);
            }
            return count;
        };
        std::cout << correct(as_trained) << " correct as trained, " << correct({}) << " from 0 to 1, "
                  << correct({.range = 1}) << " from 0 to 255\n";
    }

    {
        std::cout << "# red and blue exchanged\n";
        auto infer = hc::plan<hc::image<3, 32, 32>>(model);
        std::size_t count = 0;
        for (std::size_t i = 0; i < pictures.size(); ++i) {
            auto input = hc::image_tensor<float>(pictures.picture(i), as_trained);
            std::swap_ranges(input.data(), input.data() + 1024, input.data() + 2048);
            auto const logits = infer(input);
            auto const best = std::max_element(logits.begin(), logits.end()) - logits.begin();
            count += static_cast<std::size_t>(best) == pictures.label(i);
        }
        std::cout << count << " correct\n";
    }
}
