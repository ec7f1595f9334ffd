// A decorator: the same effect by wrapping. `calculate` is not even asked; the wrapper calls it, then the handler.
#include <iostream>
#include <utility>

int calculate(int a, int b) {
    std::cout << "calculating\n";
    return a + b;
}

void handle_result(int result) {
    std::cout << "the result is " << result << '\n';
}

/// A function that does what `function` does, and tells `handler` what came out.
template <class Function, class Handler>
auto with_handler(Function function, Handler handler) {
    return [=](auto&&... arguments) {
        std::cout << "before\n";
        auto const result = function(std::forward<decltype(arguments)>(arguments)...);
        handler(result);
        return result;
    };
}

int main() {
    auto const calculate_and_tell = with_handler(calculate, handle_result);
    calculate_and_tell(3, 5);
}
