// Rewriting the index: merging, leaving packs out, and building it anew from the packs.
// What others lost here: restic #21820, where a rewrite dropped entries. So a rewrite copies every
// entry of every pack unless the pack was named to leave, or the store itself says it is gone.
#include <algorithm>
#include <utility>

#include "repository/index/index.h"

namespace perdure::repository {
namespace {

/// Copies pack number `p` of `from`, whose entries begin at `at` (moved past them), into `to`.
void copy_pack(IndexTables const& from, std::uint32_t p, std::size_t& at, IndexTables& to) {
    PackRow pack = from.packs[p];
    auto const frames = std::span(from.frames).subspan(pack.first_frame, pack.frame_count);
    pack.first_frame = static_cast<std::uint32_t>(to.frames.size());
    to.frames.insert(to.frames.end(), frames.begin(), frames.end());
    for (; at < from.entries.size() && from.entries[at].pack == p; ++at) {
        IndexEntry entry = from.entries[at];
        entry.pack = static_cast<std::uint32_t>(to.packs.size());
        to.entries.push_back(entry);
    }
    to.packs.push_back(pack);
}

void skip_pack(IndexTables const& from, std::uint32_t p, std::size_t& at) {
    while (at < from.entries.size() && from.entries[at].pack == p) ++at;
}

/// A frame that lists no blobs is one that was forgotten: nothing writes empty frames.
void strip(IndexTables& tables, std::set<Index::FrameName> const& frames) {
    std::erase_if(tables.entries, [&](IndexEntry const& entry) {
        return frames.contains({tables.packs[entry.pack].hash, entry.slot});
    });
    for (PackRow const& pack : tables.packs) {
        for (std::uint32_t slot = 0; slot < pack.frame_count; ++slot) {
            if (frames.contains({pack.hash, slot}))
                tables.frames[pack.first_frame + slot].raw_bytes = 0;
        }
    }
}

store::ObjectName object_name(crypto::Digest const& segment) {
    return "index/" + to_hex(segment);
}

}  // namespace

/// Collects packs into segments of at most segment_entries_max and puts them in place of others.
class Index::Rewrite {
public:
    Rewrite(Index& index, std::stop_token stop) : index_(index), stop_(std::move(stop)) {
        std::shared_lock const lock(index_.mutex_);
        index_.let_go_of_pages();
        out_.entries.reserve(reserved_entries);
    }

    bool seen(crypto::Digest const& pack) { return !taken_.insert(pack).second; }
    IndexTables& tables() { return out_; }
    Result<void> flush_when_full() {
        if (out_.entries.size() < segment_entries_max) return {};
        return flush();
    }
    /// The last segment names what it replaces: once it stands, all its sisters stand too.
    Result<void> put_in_place_of(std::vector<crypto::Digest> old) {
        std::ranges::sort(old);
        out_.supersedes = old;
        PD_CHECK(flush());
        {
            std::unique_lock const lock(index_.mutex_);
            std::erase_if(index_.segments_, [&](Loaded const& loaded) {
                return std::ranges::binary_search(old, loaded.segment->name());
            });
            for (auto& segment : fresh_) index_.take_in(std::move(segment));
        }
        for (crypto::Digest const& name : old) PD_CHECK(index_.remove_segment(name, stop_));
        return {};
    }

private:
    Result<void> flush() {
        PD_TRY(std::shared_ptr<IndexSegment const> segment, index_.write(std::move(out_), stop_));
        fresh_.push_back(std::move(segment));
        out_ = {};
        out_.entries.reserve(reserved_entries);
        return {};
    }

    /// Growing by doubling would hold one and a half times as much for a moment.
    static constexpr std::size_t reserved_entries = segment_entries_max / 4 * 5;

    Index& index_;
    std::stop_token stop_;
    IndexTables out_;
    std::vector<std::shared_ptr<IndexSegment const>> fresh_;
    std::set<crypto::Digest> taken_;
};

/// A listing may be stale; only the store's word about this very pack lets its entries go.
Result<bool> Index::is_gone(PackRow const& pack, std::stop_token stop) {
    {
        std::shared_lock const lock(mutex_);
        if (listed_packs_.contains(pack.hash)) return false;
    }
    auto const info = options_.source.store.head(pack.name().text(), stop);
    if (info) return false;
    if (info.error().fault() == Fault::not_found) return true;
    return info.error();
}

Result<void> Index::replace(std::vector<std::shared_ptr<IndexSegment const>> const& old,
                            Omitted const& omitted, std::stop_token stop) {
    Rewrite rewrite(*this, stop);
    std::vector<crypto::Digest> names;
    for (auto const& segment : old) {
        names.push_back(segment->name());
        IndexTables tables = segment->tables();
        if (!omitted.frames.empty()) strip(tables, omitted.frames);
        std::size_t at = 0;
        for (std::uint32_t p = 0; p < tables.packs.size(); ++p) {
            PackRow const& pack = tables.packs[p];
            PD_TRY(bool const gone, is_gone(pack, stop));
            if (gone || omitted.packs.contains(pack.hash) || rewrite.seen(pack.hash)) {
                skip_pack(tables, p, at);
                continue;
            }
            copy_pack(tables, p, at, rewrite.tables());
            PD_CHECK(rewrite.flush_when_full());
        }
    }
    return rewrite.put_in_place_of(std::move(names));
}

/// At each destination where all is that stands for them: a sync may have brought it only half.
Result<void> Index::remove_superseded(std::stop_token stop) {
    std::vector<crypto::Digest> old;
    std::set<store::ObjectName> needed;
    {
        std::unique_lock const lock(mutex_);
        old = std::exchange(superseded_, {});
        for (Loaded const& loaded : segments_)
            if (loaded.stored) needed.insert(object_name(loaded.segment->name()));
    }
    for (store::ObjectStore* leg : options_.source.store.legs()) {
        if (old.empty()) break;
        std::set<store::ObjectName> there;
        PD_CHECK(leg->list(
            "index/",
            [&](store::ObjectInfo const& info) -> Result<void> {
                there.insert(info.name);
                return {};
            },
            stop));
        if (!std::ranges::includes(there, needed)) continue;
        for (crypto::Digest const& name : old) PD_CHECK(leg->remove(object_name(name), stop));
    }
    return {};
}

Result<void> Index::merge(std::stop_token stop) {
    PD_CHECK(remove_superseded(stop));
    std::vector<std::shared_ptr<IndexSegment const>> small;
    {
        std::shared_lock const lock(mutex_);
        for (Loaded const& loaded : segments_) {
            if (loaded.segment->entries().size() < segment_entries_max / 4 * 3) {
                small.push_back(loaded.segment);
            }
        }
    }
    if (small.size() <= segments_max) return {};
    return replace(small, {}, std::move(stop));
}

std::vector<std::shared_ptr<IndexSegment const>> Index::segments_naming(
    std::set<crypto::Digest> const& packs) const {
    std::vector<std::shared_ptr<IndexSegment const>> found;
    std::shared_lock const lock(mutex_);
    for (Loaded const& loaded : segments_) {
        bool const names = std::ranges::any_of(loaded.segment->packs(), [&](PackRow const& pack) {
            return packs.contains(pack.hash);
        });
        if (names) found.push_back(loaded.segment);
    }
    return found;
}

Result<void> Index::drop_packs(std::set<crypto::Digest> const& packs, std::stop_token stop) {
    auto const touched = segments_naming(packs);
    if (touched.empty()) return {};
    return replace(touched, {.packs = packs, .frames = {}}, std::move(stop));
}

Result<void> Index::forget(std::set<FrameName> const& frames, std::stop_token stop) {
    std::set<crypto::Digest> packs;
    for (auto const& [pack, slot] : frames) packs.insert(pack);
    auto const touched = segments_naming(packs);
    if (touched.empty()) return {};
    return replace(touched, {.packs = {}, .frames = frames}, std::move(stop));
}

std::set<crypto::Digest> Index::forgetful_packs() const {
    std::set<crypto::Digest> found;
    std::shared_lock const lock(mutex_);
    for (Loaded const& loaded : segments_) {
        for (PackRow const& pack : loaded.segment->packs()) {
            auto const frames =
                loaded.segment->frames().subspan(pack.first_frame, pack.frame_count);
            bool const forgot = std::ranges::any_of(
                frames, [](FrameRow const& frame) { return frame.raw_bytes == 0; });
            if (forgot) found.insert(pack.hash);
        }
    }
    return found;
}

Result<void> Index::adopt_orphans(Orphans where, std::stop_token stop) {
    PD_TRY(std::vector<PackName> const listed, list_packs(stop));
    std::set<crypto::Digest> passed_over;
    {
        std::unique_lock const lock(mutex_);
        if (where == Orphans::stored)
            std::erase_if(segments_, [](Loaded const& loaded) { return !loaded.stored; });
        passed_over = avoided_;
        for (Loaded const& loaded : segments_) {
            for (PackRow const& pack : loaded.segment->packs()) passed_over.insert(pack.hash);
        }
    }
    IndexTables found;
    auto const take = [&]() -> Result<void> {
        if (where == Orphans::stored) return add(std::exchange(found, {}), stop);
        crypto::Digest const name = crypto::sha256(found.encode());
        auto segment = IndexSegment::make(std::exchange(found, {}), name, cache_key_, {});
        std::unique_lock const lock(mutex_);
        take_in(std::move(segment), false);
        return {};
    };
    for (PackName const& name : listed) {
        if (!passed_over.insert(name.hash).second) continue;
        auto const directory = read_pack_directory(options_.source, name, stop);
        if (!directory && directory.error().fault() == Fault::cancelled) return directory.error();
        if (!directory) continue;  // damaged or collected: as good as never stored
        found.add(name, *directory);
        if (found.entries.size() < segment_entries_max) continue;
        PD_CHECK(take());
    }
    return found.packs.empty() ? Result<void>() : take();
}

Result<void> Index::rebuild(std::vector<store::ObjectName>* damaged, std::stop_token stop) {
    // Segments first: whatever a listed segment names was written before it, so it is in the list
    // of packs that follows, and nothing of a writer beside us is lost.
    PD_TRY(std::vector<crypto::Digest> old, list_segments(stop));
    std::erase_if(old, [&](crypto::Digest const& name) { return is_strange(name, stop); });
    PD_TRY(std::vector<PackName> names, list_packs(stop));
    Rewrite rewrite(*this, stop);
    std::set<crypto::Digest> unread;
    auto const forgetful = forgetful_packs();
    for (PackName const& name : names) {
        if (forgetful.contains(name.hash)) {  // their directories tell of what cannot be read
            unread.insert(name.hash);
            continue;
        }
        auto directory = read_pack_directory(options_.source, name, stop);
        if (directory) {
            if (rewrite.seen(name.hash)) continue;
            rewrite.tables().add(name, *directory);
            PD_CHECK(rewrite.flush_when_full());
            continue;
        }
        Fault const fault = directory.error().fault();
        if (fault == Fault::not_found) continue;  // collected meanwhile
        if (fault != Fault::corrupt && fault != Fault::invalid) return directory.error();
        if (damaged != nullptr) damaged->push_back(name.text());
        unread.insert(name.hash);
    }
    // Packs beyond repair: what the index knew of them lets single frames be salvaged still, and
    // what it forgot of them stays forgotten.
    std::vector<std::shared_ptr<IndexSegment const>> known;
    {
        std::shared_lock const lock(mutex_);
        for (Loaded const& loaded : segments_) known.push_back(loaded.segment);
    }
    for (auto const& segment : known) {
        IndexTables const tables = segment->tables();
        std::size_t at = 0;
        for (std::uint32_t p = 0; p < tables.packs.size(); ++p) {
            if (unread.erase(tables.packs[p].hash) == 0) {
                skip_pack(tables, p, at);
                continue;
            }
            copy_pack(tables, p, at, rewrite.tables());
            PD_CHECK(rewrite.flush_when_full());
        }
        if (std::ranges::find(old, segment->name()) == old.end()) old.push_back(segment->name());
    }
    return rewrite.put_in_place_of(std::move(old));
}

}  // namespace perdure::repository
