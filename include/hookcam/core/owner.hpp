#pragma once

#include <utility>

namespace hookcam::detail {

/// Owns an object on the heap: a `std::unique_ptr` without the tuple and the traits that its owner would compile anew for
/// each type: one in twenty of a plan's seconds.
template <class Object>
class owner {
public:
    /// Of an object that `new` made.
    explicit owner(Object* object) noexcept : m_object{object} {}
    owner(owner&& other) noexcept : m_object{std::exchange(other.m_object, nullptr)} {}
    owner& operator=(owner&& other) noexcept {
        delete std::exchange(m_object, std::exchange(other.m_object, nullptr));
        return *this;
    }
    ~owner() { delete m_object; }

    [[nodiscard]] Object* operator->() const noexcept { return m_object; }
    [[nodiscard]] Object& operator*() const noexcept { return *m_object; }

private:
    Object* m_object;
};

} // namespace hookcam::detail
