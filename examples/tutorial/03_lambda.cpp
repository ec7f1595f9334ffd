// A lambda: a function without a name, written where it is needed. Most hooks are lambdas.
#include <iostream>

int main() {
    auto const square = [](int x) { return x * x; };
    static_assert(square(5) == 25); // the compiler can run it too
    std::cout << "5 squared is " << square(5) << '\n';

    // What stands in the brackets is what it may touch of its surroundings: that is how a hook keeps things.
    int calls = 0;
    auto const count = [&calls](auto const&...) { ++calls; };
    count(1);
    count("of", "any", "number");
    std::cout << "it was called " << calls << " times\n";
}
