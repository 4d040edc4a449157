#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/codec.h"
#include "repository/domain.h"
#include "system/file.h"

namespace perdure::job {

/// A file of entries, sealed under the repository's common domain: what a restore changed, before
/// and after. Layout: "PDJ1", 32 random bytes of salt, then frames {u32 length, sealed}; frame n is
/// sealed once under the domain's key for (salt, n); the last frame is empty, so a file that was
/// cut short does not open. Threads: one.
class JournalWriter {
public:
    static Result<std::unique_ptr<JournalWriter>> create(system::Path const& path,
                                                         repository::DomainPtr domain);
    Result<void> add(ByteView entry);
    /// On the disk for good when it returns.
    Result<void> finish();
    std::uint64_t entries() const { return entries_; }

private:
    JournalWriter(system::File file, system::Path folder, repository::DomainPtr domain)
        : file_(std::move(file)), folder_(std::move(folder)), domain_(std::move(domain)) {}
    Result<void> flush();
    system::File file_;
    system::Path folder_;
    repository::DomainPtr domain_;
    Bytes salt_;
    std::uint32_t slot_ = 0;
    std::uint64_t entries_ = 0;
    Encoder frame_;
};

/// Calls `each` for every entry. Fails: corrupt (PD-0014), denied (another repository's key).
Result<void> read_journal(system::Path const& path, repository::DomainPtr const& domain,
                          std::function<Result<void>(ByteView)> const& each);

}  // namespace perdure::job
