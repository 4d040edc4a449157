#pragma once

#include <map>
#include <string>

#include "repository/domain.h"
#include "store/object_store.h"

namespace perdure::repository {

/// A pinned snapshot is kept by every retention rule and refuses deletion. One object a pin,
/// `pin/<session>`, whose body is the reason in plain text (no personal data: it is not sealed).
Result<void> pin(store::ObjectStore& store, SessionId const& id, std::string const& reason,
                 std::stop_token stop);
/// Absent is success.
Result<void> unpin(store::ObjectStore& store, SessionId const& id, std::stop_token stop);
/// Session id in hexadecimal → reason.
Result<std::map<std::string, std::string>> pins(store::ObjectStore& store, std::stop_token stop);

}  // namespace perdure::repository
