#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../core/counter_random.hpp"
#include "../core/error.hpp"
#include "../tensor/view.hpp"
#include "compose.hpp"
#include "dataset.hpp"
#include "to_tensor.hpp"

namespace hookcam {

/// How a data set becomes batches.
struct data_loader_options {
    std::size_t batch_size = 1; ///< images a batch; the last of an epoch may have fewer
    bool shuffle = false;       ///< whether each epoch has an order of its own, or that of the data set
    bool drop_last = false;     ///< whether a last batch with fewer images is left out
    std::uint64_t seed = 0;     ///< what orders and random transforms follow from
    std::size_t workers = 0;    ///< threads that prepare batches ahead; 0: the thread that uses them does
    std::size_t prefetch = 2;   ///< how many batches each worker is ahead; 1 at least
};

/// Images and labels as a network trains on them: views into the loader's memory, good until the loader's next batch.
template <class T>
struct image_batch {
    tensor_view<T const, 4> images;       ///< N,C,H,W
    std::span<std::int64_t const> labels; ///< one an image
    std::span<std::size_t const> indices; ///< which images of the data set these are
    std::size_t number;                   ///< of the batch in its epoch, from 0

    /// How many images there are.
    [[nodiscard]] std::size_t size() const noexcept { return labels.size(); }
};

namespace detail {

/// What a loader prepares, and who does. It stays where it is, for its workers.
template <class Data, class Transform>
class batch_factory {
public:
    using source_type = dataset_value<Data>;
    using value_type = typename Transform::template result<source_type>;

    /// A batch's memory.
    struct prepared {
        std::vector<value_type> images;
        std::vector<std::int64_t> labels;
        std::vector<std::size_t> indices;
        std::exception_ptr failure;
        bool ready = false;
    };

    batch_factory(Data const& data, Transform transform, data_loader_options const& options)
        : m_data{data},
          m_transform{std::move(transform)},
          m_options{options},
          m_source_shape{data.shape()},
          m_shape{m_transform.shape(m_source_shape)} {
        std::size_t const images = data.size();
        auto const require = [](bool holds, std::string const& what) {
            if (!holds) {
                throw error{error_kind::use, "hookcam::data_loader: " + what};
            }
        };
        require(images > 0, "the data set must hold an image; it is empty");
        require(images <= std::numeric_limits<std::uint32_t>::max(),
                "the data set must hold less than 2^32 images; take a subset");
        require(options.batch_size > 0, "a batch must hold an image; batch_size is 0");
        require(options.prefetch > 0, "a worker must prepare a batch; prefetch is 0");
        m_size = options.drop_last ? images / options.batch_size
                                   : (images + options.batch_size - 1) / options.batch_size;
        require(m_size > 0, "an epoch must have a batch; the data set holds " + std::to_string(images) +
                                " images, fewer than a batch of " + std::to_string(options.batch_size) +
                                ", take a smaller batch_size or keep the last");

        m_order.resize(images);
        // One more than are prepared ahead: that which is looked at.
        std::size_t const slots = options.workers == 0 ? 1 : options.workers * options.prefetch + 1;
        m_slots.resize(std::min(slots, m_size));
        std::size_t const most = std::min(options.batch_size, images);
        for (auto& slot : m_slots) {
            slot.images.resize(most * m_shape.size());
            slot.labels.resize(most);
            slot.indices.resize(most);
        }
        for (std::size_t i = 0; i < std::max<std::size_t>(1, options.workers); ++i) {
            m_workspaces.push_back(m_transform.template workspace<source_type>(m_source_shape));
        }
        try {
            for (std::size_t i = 0; i < options.workers; ++i) {
                m_threads.emplace_back([this, i] { work(m_workspaces[i]); });
            }
        } catch (...) {
            stop();
            throw;
        }
    }
    batch_factory(batch_factory const&) = delete;
    batch_factory& operator=(batch_factory const&) = delete;
    ~batch_factory() { stop(); }

    [[nodiscard]] std::size_t size() const noexcept { return m_size; }
    [[nodiscard]] std::size_t image_count() const noexcept { return m_order.size(); }
    [[nodiscard]] image_shape const& shape() const noexcept { return m_shape; }
    [[nodiscard]] data_loader_options const& options() const noexcept { return m_options; }

    /// Begins an epoch with its batch `first`. What was prepared for another is thrown away.
    void begin(std::uint32_t epoch, std::size_t first) {
        std::unique_lock lock{m_mutex};
        m_next = m_end = 0;
        m_cancelled = true;
        m_prepared.wait(lock, [&] { return m_busy == 0; });
        m_cancelled = false;
        m_epoch = epoch;
        choose_order();
        for (auto& slot : m_slots) {
            slot.ready = false;
            slot.failure = nullptr;
        }
        m_next = m_released = first;
        m_end = m_size;
        m_wanted.notify_all();
    }

    /// A batch of the epoch; those before it are given back. Throws what its preparation threw.
    prepared& take(std::size_t number) {
        auto& slot = m_slots[number % m_slots.size()];
        if (m_threads.empty()) {
            prepare(slot, number, m_workspaces[0]);
            return slot;
        }
        std::unique_lock lock{m_mutex};
        m_prepared.wait(lock, [&] { return slot.ready; });
        if (slot.failure) {
            std::rethrow_exception(std::exchange(slot.failure, nullptr));
        }
        return slot;
    }

    /// Nobody looks at this batch any more.
    void give_back(std::size_t number) {
        if (!m_threads.empty()) {
            std::unique_lock const lock{m_mutex};
            m_slots[number % m_slots.size()].ready = false;
            m_released = number + 1;
            m_wanted.notify_one();
        }
    }

    [[nodiscard]] std::size_t batch_size(std::size_t number) const noexcept {
        return std::min(m_options.batch_size, m_order.size() - number * m_options.batch_size);
    }

private:
    void choose_order() {
        std::iota(m_order.begin(), m_order.end(), std::size_t{0});
        if (m_options.shuffle) {
            counter_random const random{m_options.seed, random_use::shuffling, m_epoch};
            for (auto left = static_cast<std::uint32_t>(m_order.size()); left > 1;
                 --left) { // Fisher and Yates
                std::swap(m_order[left - 1], m_order[random.below(left, left)]);
            }
        }
    }

    void prepare(prepared& to, std::size_t number, transform_workspace& own) {
        std::size_t const count = batch_size(number);
        for (std::size_t i = 0; i < count && !m_cancelled; ++i) {
            std::size_t const index = m_order[number * m_options.batch_size + i];
            counter_random const random{m_options.seed, random_use::augmentation, m_epoch,
                                        static_cast<std::uint32_t>(index)};
            auto const read = [&](image_span<source_type> image) { return m_data.read(index, image); };
            image_span<value_type> const out{to.images.data() + i * m_shape.size(), m_shape};
            to.labels[i] = m_transform.template run<source_type>(own, random, read, out);
            to.indices[i] = index;
        }
    }

    /// What a worker does all its life.
    void work(transform_workspace& own) {
        std::unique_lock lock{m_mutex};
        while (true) {
            m_wanted.wait(
                lock, [&] { return m_stopped || (m_next < m_end && m_next < m_released + m_slots.size()); });
            if (m_stopped) {
                return;
            }
            std::size_t const number = m_next++;
            auto& slot = m_slots[number % m_slots.size()];
            ++m_busy;
            lock.unlock();
            std::exception_ptr failure;
            try {
                prepare(slot, number, own);
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            --m_busy;
            slot.failure = std::move(failure);
            slot.ready = true;
            m_prepared.notify_all();
        }
    }

    void stop() noexcept {
        {
            std::unique_lock const lock{m_mutex};
            m_stopped = true;
            m_cancelled = true;
            m_wanted.notify_all();
        }
        for (auto& thread : m_threads) {
            thread.join();
        }
    }

    Data const& m_data;
    Transform m_transform;
    data_loader_options m_options;
    image_shape m_source_shape;
    image_shape m_shape;
    std::size_t m_size = 0; ///< in batches
    std::vector<std::size_t> m_order;
    std::vector<prepared> m_slots; ///< batch n lies in slot n, counted round
    std::vector<transform_workspace> m_workspaces;
    std::uint32_t m_epoch = 0;

    std::mutex m_mutex; ///< guards what follows, and the slots' `ready` and `failure`
    std::condition_variable m_wanted;
    std::condition_variable m_prepared;
    std::size_t m_next = 0;     ///< the batch that a worker prepares next
    std::size_t m_end = 0;      ///< one behind the last
    std::size_t m_released = 0; ///< batches before this one are given back
    std::size_t m_busy = 0;     ///< workers that prepare
    bool m_stopped = false;
    std::atomic<bool> m_cancelled = false; ///< whether what is being prepared is wanted no more
    std::vector<std::thread> m_threads;
};

} // namespace detail

/// The batches of a data set, epoch by epoch, as PyTorch's `DataLoader`:
///
///     hc::data_loader loader{data, transform, {.batch_size = 64, .shuffle = true, .seed = 1, .workers = 1}};
///     for (auto const& batch : loader) { …batch.images, batch.labels… }
///
/// Each `begin()` begins the next epoch. Its order follows from the seed and the epoch's number alone, what a random
/// transform draws for an image from these and the image's number: the batches are the same, bit by bit, for any number of
/// workers, and whatever was done before `set_epoch`. Workers run from the loader's making to its end; they are ahead of
/// its user by a bounded number of batches. What reading or transforming throws arrives at the user with the batch that it
/// belongs to; the loop is over then, and the next `begin()` begins an epoch. Nothing is allocated after the loader is
/// made, save by the data set and by transforms of one's own.
///
/// It borrows the data set, which must outlive it. One thread at a time uses a loader.
template <dataset Data, class Transform = to_tensor<float>>
class data_loader {
    using factory = detail::batch_factory<Data, detail::composed<Transform>>;

public:
    using value_type = typename factory::value_type; ///< of the images
    using batch_type = image_batch<value_type>;      ///< what is iterated over

    static_assert(
        std::floating_point<value_type>,
        "hookcam::data_loader: a network takes numbers, the transform must make them; put to_tensor{} in it");

    /// Throws `error_kind::use` for an empty data set, an epoch without batches, a batch without images, and what the
    /// transforms throw about sizes.
    data_loader(Data const& data, Transform transform, data_loader_options const& options = {})
        : m_factory{
              std::make_unique<factory>(data, detail::composed<Transform>{std::move(transform)}, options)} {}
    data_loader(Data const&&, Transform, data_loader_options const& = {}) = delete; // would dangle

    /// With `to_tensor` alone.
    explicit data_loader(Data const& data, data_loader_options const& options = {})
        : data_loader{data, Transform{}, options} {}
    explicit data_loader(Data const&&, data_loader_options const& = {}) = delete; // would dangle

    /// Goes through an epoch's batches, once.
    class iterator {
    public:
        using value_type = batch_type;                    ///< what it points at
        using difference_type = std::ptrdiff_t;           ///< as every iterator has
        using iterator_concept = std::input_iterator_tag; ///< each batch is seen once

        /// The batch, good until the iterator moves.
        [[nodiscard]] batch_type const& operator*() const noexcept { return *m_batch; }
        /// The batch, good until the iterator moves.
        [[nodiscard]] batch_type const* operator->() const noexcept { return &*m_batch; }

        /// To the next batch. Throws what its preparation threw.
        iterator& operator++() {
            m_batch.reset();
            m_from->give_back(m_number++);
            take();
            return *this;
        }
        /// To the next batch. Throws what its preparation threw.
        void operator++(int) { ++*this; }

        /// Whether the epoch is over.
        [[nodiscard]] friend bool operator==(iterator const& it, std::default_sentinel_t) noexcept {
            return it.m_number == it.m_from->size();
        }

    private:
        friend data_loader;

        iterator(factory& from, std::size_t number) : m_from{&from}, m_number{number} { take(); }

        void take() {
            if (m_number == m_from->size()) {
                return;
            }
            auto& slot = m_from->take(m_number);
            std::size_t const count = m_from->batch_size(m_number);
            auto const& [channels, height, width] = m_from->shape();
            std::array<std::size_t, 4> const shape{count, channels, height, width};
            m_batch.emplace(batch_type{
                detail::view_of<4, typename factory::value_type const>(slot.images.data(), shape),
                std::span{slot.labels}.first(count), std::span{slot.indices}.first(count), m_number});
        }

        factory* m_from;
        std::size_t m_number;
        std::optional<batch_type> m_batch;
    };

    /// Begins the next epoch, and ends the one before: its iterators and batches are used no more.
    [[nodiscard]] iterator begin() {
        std::size_t const first = std::exchange(m_first, 0);
        m_factory->begin(static_cast<std::uint32_t>(m_epoch++), first);
        return {*m_factory, first};
    }
    /// Where an epoch ends.
    [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

    /// How many batches an epoch has.
    [[nodiscard]] std::size_t size() const noexcept { return m_factory->size(); }

    /// How many images the data set holds.
    [[nodiscard]] std::size_t image_count() const noexcept { return m_factory->image_count(); }

    /// The sizes of an image of a batch.
    [[nodiscard]] image_shape const& shape() const noexcept { return m_factory->shape(); }

    /// What it was made with.
    [[nodiscard]] data_loader_options const& options() const noexcept { return m_factory->options(); }

    /// The number of the epoch that `begin()` begins next, from 0.
    [[nodiscard]] std::size_t epoch() const noexcept { return m_epoch; }

    /// The next `begin()` begins epoch `epoch`, at its batch `first_batch`: how a training goes on where it was stopped.
    /// Throws `error_kind::use` where an epoch has fewer batches.
    void set_epoch(std::size_t epoch, std::size_t first_batch = 0) {
        if (epoch > std::numeric_limits<std::uint32_t>::max() || first_batch > size()) {
            throw error{error_kind::use,
                        "hookcam::data_loader: an epoch must have a number below 2^32 and at most " +
                            std::to_string(size()) + " batches; asked for are epoch " +
                            std::to_string(epoch) + ", batch " + std::to_string(first_batch)};
        }
        m_epoch = epoch;
        m_first = first_batch;
    }

private:
    std::unique_ptr<factory> m_factory;
    std::size_t m_epoch = 0;
    std::size_t m_first = 0;
};

/// Follows from what it is made of.
template <dataset Data, class Transform>
data_loader(Data const&, Transform, data_loader_options const&) -> data_loader<Data, Transform>;
/// Without transforms, with `to_tensor`.
template <dataset Data>
data_loader(Data const&, data_loader_options const&) -> data_loader<Data>;

} // namespace hookcam
