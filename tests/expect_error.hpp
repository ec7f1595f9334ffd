#pragma once

#include <hookcam/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

/// Expects an error of this kind whose text holds each of the words.
template <class Call>
void expect_error(hookcam::error_kind kind, std::vector<std::string> const& words, Call const& call) {
    try {
        call();
        BOOST_ERROR("nothing was thrown; expected: " + words.front());
    } catch (hookcam::error const& e) {
        BOOST_TEST((e.kind() == kind), "another kind: " << e.what());
        for (auto const& word : words) {
            BOOST_TEST(std::string_view{e.what()}.find(word) != std::string_view::npos,
                       "\"" << word << "\" is not in: " << e.what());
        }
    }
}
