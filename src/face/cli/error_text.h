#pragma once

#include <string>

#include "base/result.h"
#include "face/cli/json.h"

namespace perdure::face {

/// An error in the parts that a person reads.
struct ErrorText {
    std::string code;  ///< "PD-0013"
    std::string headline;
    std::string why;  ///< may be empty, may have several lines
    std::string fix;  ///< may be empty
};
/// The message's first line is the headline and what follows is the why; an error with context and
/// no second line is split after its outermost context.
ErrorText explain(Error const& error);
JsonObject error_object(Error const& error);

}  // namespace perdure::face
