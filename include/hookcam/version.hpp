#pragma once

/// The version of hookcam, in the sense of semantic versioning (https://semver.org).
#define HOOKCAM_VERSION_MAJOR 0
#define HOOKCAM_VERSION_MINOR 1
#define HOOKCAM_VERSION_PATCH 0
#define HOOKCAM_VERSION_STRING "0.1.0"
