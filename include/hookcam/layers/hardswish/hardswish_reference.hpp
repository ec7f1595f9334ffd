#pragma once

namespace hookcam::reference {

/// 0 up to −3, x from 3 on, x·(x + 3)/6 between.
template <class T>
T hardswish(T x) {
    return x <= T{-3} ? T{0} : x >= T{3} ? x : x * (x + T{3}) / T{6};
}

/// 0 up to −3, 1 from 3 on, (2x + 3)/6 between.
template <class T>
T hardswish_derivative(T x) {
    return x <= T{-3} ? T{0} : x >= T{3} ? T{1} : (T{2} * x + T{3}) / T{6};
}

} // namespace hookcam::reference
