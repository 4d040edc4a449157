#include "repository/upkeep/verify/frames_check.h"

#include <fmt/core.h>

#include <algorithm>

namespace perdure::repository {

namespace {

class FramesCheck {
public:
    FramesCheck(FramesPlace const& place, PackName const& name, ByteView body,
                std::function<void(Finding)> const& tell, std::stop_token stop)
        : place_(place), name_(name), body_(body), tell_(tell), stop_(std::move(stop)) {}

    Result<FramesChecked> run() {
        PackSource const& source = place_.index.source();
        auto const directory = parse_pack(body_, name_.kind, source.repository, *source.common);
        if (!directory) {
            say(Finding::Kind::damaged, "its directory: " + directory.error().message());
            return checked_;
        }
        for (std::uint32_t slot = 0; slot < directory->frames.size(); ++slot) {
            FrameRecord const& frame = directory->frames[slot];
            ask_index(frame, slot);
            FrameFacts const facts{source.repository, name_.kind,     directory->salt, slot,
                                   frame.codec,       frame.raw_bytes};
            PD_CHECK(check(frame, facts));
        }
        return checked_;
    }

private:
    void say(Finding::Kind kind, std::string detail, bool repairable = false) {
        tell_({kind, name_.text(), std::move(detail), repairable});
    }

    void ask_index(FrameRecord const& frame, std::uint32_t slot) {
        for (BlobRecord const& blob : frame.blobs) {
            auto const copies = place_.index.find(blob.id);
            bool const listed = std::ranges::any_of(
                copies, [&](Location const& at) { return at.pack == name_ && at.slot == slot; });
            if (!listed)
                say(Finding::Kind::missing,
                    fmt::format("the index does not list its blob {}", to_hex(blob.id)), true);
        }
    }

    Result<void> check(FrameRecord const& frame, FrameFacts const& facts) {
        auto const domain = place_.domains.find(frame.handle);
        if (!domain || (*domain)->generation() != frame.generation) {
            // A handle that nobody knows may be garbage of a session that died before its keyring
            // addition; snapshots that name it are found by the walk.
            checked_.blobs_erased += frame.blobs.size();
            return {};
        }
        BlobView prefix;
        if (frame.base) {
            auto base = place_.blobs.read(*frame.base, *domain, stop_);
            if (!base) return base_failed(facts.slot, base.error());
            prefix = std::move(*base);
        }
        Bytes sealed = to_bytes(body_.subspan(frame.offset, frame.stored_bytes));
        auto const raw = decode_frame(**domain, facts, std::move(sealed),
                                      prefix.frame ? prefix.view() : ByteView{});
        if (!raw) {
            say(Finding::Kind::damaged,
                fmt::format("frame {}: {}", facts.slot, raw.error().message()));
            return {};
        }
        check_blobs(frame, **domain, *raw, facts.slot);
        return {};
    }

    Result<void> base_failed(std::uint32_t slot, Error const& error) {
        if (error.fault() == Fault::cancelled || error.fault() == Fault::unavailable) return error;
        say(Finding::Kind::missing,
            fmt::format("frame {} is a change to a blob that cannot be read: {}", slot,
                        error.message()));
        return {};
    }

    void check_blobs(FrameRecord const& frame, Domain const& domain, ByteView raw,
                     std::uint32_t slot) {
        std::size_t offset = 0;
        for (BlobRecord const& blob : frame.blobs) {
            bool const fits = blob.length <= raw.size() - offset;
            if (!fits || domain.blob_id(raw.subspan(offset, blob.length)) != blob.id) {
                say(Finding::Kind::damaged,
                    fmt::format("frame {} holds other bytes than blob {}", slot, to_hex(blob.id)));
                return;
            }
            offset += blob.length;
            ++checked_.blobs_read;
        }
    }

    FramesPlace const& place_;
    PackName const& name_;
    ByteView body_;
    std::function<void(Finding)> const& tell_;
    std::stop_token stop_;
    FramesChecked checked_;
};

}  // namespace

Result<FramesChecked> check_frames(FramesPlace const& place, PackName const& name, ByteView body,
                                   std::function<void(Finding)> const& tell, std::stop_token stop) {
    return FramesCheck(place, name, body, tell, std::move(stop)).run();
}

}  // namespace perdure::repository
