#pragma once

#include "../core/error.hpp"

#include <cstddef>
#include <string>

namespace hookcam {

/// Memory that is not the processor's own, in the order of work of one stream: what was started before a copy is done
/// before it. A pointer into it must not be followed outside of the device's kernels.
class memory_place {
public:
    virtual ~memory_place() = default;

    /// Zeros. Throws `error_kind::device` where there is no room.
    [[nodiscard]] virtual void* allocate(std::size_t bytes) = 0;
    /// Gives back what `allocate` returned.
    virtual void release(void* block) noexcept = 0;
    /// From this program's memory. Afterwards `from` may change.
    virtual void copy_in(void* to, void const* from, std::size_t bytes) = 0;
    /// To this program's memory; waits until it is there.
    virtual void copy_out(void* to, void const* from, std::size_t bytes) = 0;
    /// From here to here.
    virtual void copy(void* to, void const* from, std::size_t bytes) = 0;
    /// What is started here from now on begins when all that was started on another stream of the device is done.
    virtual void wait_for(memory_place& other) = 0;
    /// Waits until all that was started is done.
    virtual void synchronize() = 0;
    /// The same of every stream of the device.
    virtual void synchronize_device() = 0;

protected:
    memory_place() = default;
    memory_place(memory_place const&) = delete;
    memory_place& operator=(memory_place const&) = delete;
};

namespace detail {

/// Throws where a stream records work and is asked for something that could not be done again by the device alone.
inline void must_be_repeatable(bool is_recording, char const* what) {
    if (!is_recording)
        return;
    std::string text{"hookcam::plan: what is recorded must be work of the device alone; "};
    text += what;
    text += " cannot be repeated";
    throw error{error_kind::device, text};
}

} // namespace detail

} // namespace hookcam
