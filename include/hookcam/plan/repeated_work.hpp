#pragma once

#include "../core/error.hpp"

#include <optional>

namespace hookcam::detail {

/// Work of a device that is the same from call to call: it is done at the first call, recorded at the second, and started as
/// a whole from then on. What cannot be recorded is done each time.
template <class Stream>
class repeated_work {
public:
    /// Does `work`, or what was recorded of it.
    template <class Work>
    void run(Stream& stream, Work const& work) {
        // Within a recording this is a part of that.
        if (!stream.is_recording() && m_recorded.has_value()) {
            stream.start(*m_recorded);
            return;
        }
        if (stream.is_recording() || !m_was_done || m_is_refused || !record(stream, work)) {
            work();
            m_was_done = true;
            return;
        }
        stream.start(*m_recorded);
    }

    /// Makes the next call the first.
    void forget() noexcept {
        m_recorded.reset();
        m_was_done = false;
        m_is_refused = false;
    }

private:
    std::optional<typename Stream::recording> m_recorded;
    bool m_was_done = false;
    bool m_is_refused = false;

    template <class Work>
    [[nodiscard]] bool record(Stream& stream, Work const& work) {
        try {
            m_recorded.emplace(stream.record(work));
        } catch (error const& problem) {
            if (problem.kind() != error_kind::device)
                throw;
            m_is_refused = true; // if the device itself fails, doing the work says so
        }
        return m_recorded.has_value();
    }
};

} // namespace hookcam::detail
