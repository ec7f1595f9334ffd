#pragma once

#include "../networks/simple_cnn.hpp"

#include <hookcam/data/cifar10_dataset.hpp>

namespace hc = hookcam;
using networks::simple_cnn;

/// Trains a new model on CIFAR-10, or on a part of it, and prints the mean loss of every `report_every` batches.
hc::model<simple_cnn> train(hc::cifar10 const& data, int epochs, std::size_t report_every);
