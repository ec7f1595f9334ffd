// A callback: a function that is handed over, to be called when there is something to tell. `calculate` knows
// nothing of what becomes of its result, so the two can change apart from one another.
#include <iostream>

template <class Handler>
void calculate(int a, int b, Handler on_result) {
    on_result(a + b);
}

void handle_result(int result) {
    std::cout << "the result is " << result << '\n';
}

int main() {
    calculate(3, 5, handle_result);
}
