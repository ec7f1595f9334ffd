// Compiled twice, as the namespaces plain and wide, for different sets of instructions.
#include "network.hpp"

hc::model<net> UNIT::make_model() {
    hc::model<net> model;
    for (std::size_t i = 0; i < model.size(); ++i)
        model.data()[i] = static_cast<float>(i * 7919 % 101) / 101 - 0.5F;
    return model;
}

numbers UNIT::logits(hc::model<net> const& model, images const& input) {
    return model(input);
}

maps UNIT::explain(hc::model<net> const& model, images const& input) {
    return hc::grad_cam<"conv">(model, input).raw;
}

maps UNIT::explain_by_plan(hc::model<net> const& model, images const& input) {
    auto look = hc::plan<hc::image<3, 20, 20>>(model, hc::grad_cam_request<"conv">{});
    return look(input).raw;
}
