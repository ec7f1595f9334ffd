#pragma once

#include <cmath>

namespace hookcam::reference {

/// x between 0 and 6; NaN stays.
template <class T>
T relu6(T x) {
    return x < T{0} ? T{0} : x > T{6} ? T{6} : x;
}

/// 1 where 0 < x < 6 or NaN, else 0.
template <class T>
T relu6_derivative(T x) {
    return (x > T{0} && x < T{6}) || std::isnan(x) ? T{1} : T{0};
}

} // namespace hookcam::reference
