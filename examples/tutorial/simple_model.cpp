#include "simple_model.hpp"

#include <hookcam/io.hpp>

#include <algorithm>

setting make_setting(int count, char** arguments) {
    setting made{{}, {{{{0, 0, 0, 0}, {0, 1, 1, 1}, {0, 1, 1, 1}, {0, 1, 1, 1}}}}};
    if (count > 1) {
        auto const file = hc::read_weights(arguments[1]);
        hc::load_state_dict(made.model, file, {.strict = false});
        std::ranges::copy(file.find("x")->to<float>(), made.image.begin());
    } else {
        made.model.parameter("conv.weight") = xt::xtensor<float, 4>{{{{-1, 0, 1}, {-1, 0, 1}, {-1, 0, 1}}},
                                                                    {{{-1, -1, -1}, {0, 0, 0}, {1, 1, 1}}}};
        made.model.parameter("fc.weight").fill(0.1F);
    }
    return made;
}
