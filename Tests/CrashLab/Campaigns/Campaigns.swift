/// All that the laboratory can do to a run.
public enum Campaigns {
  public static let all: [any Campaign] = [
    KillCampaign(), KillStageCampaign(), DiskKillCampaign(), DiskErrorCampaign(),
    StoppedCampaign(), SignalCampaign(), TwiceCampaign(), ClockCampaign(), LimitsCampaign(),
    ReadOnlyCampaign(), PowerCutCampaign(), DamageCampaign(), FullDiskCampaign(), OfflineCampaign(),
    UpkeepCampaign(),
  ]

  public static func named(_ name: String) -> (any Campaign)? { all.first { $0.name == name } }

  /// The trial of an id, as a failure prints it.
  public static func trial(_ id: String, in laboratory: Laboratory) throws -> Trial? {
    let parts = id.split(separator: "/").map(String.init)
    guard parts.count > 1, let campaign = named(parts[0]),
      let subject = Subject.all.first(where: { $0.name == parts[1] })
    else { return nil }
    // Where trials are numbered, as many as it takes to reach this one.
    let count = parts.last.flatMap(Int.init).map { $0 + 1 }
    return try campaign.trials(subject, count: count, in: laboratory).first { $0.id == id }
  }
}
