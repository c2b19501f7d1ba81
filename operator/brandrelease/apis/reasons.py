"""Every reason that a BrandRelease or a Brand can give, once. Kubelet's own words are kept as they are.

A reason is stable: dashboards and scripts match on it. The sentence for people is the message beside it.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a BrandRelease or a Brand is in the state it is in."""

    # The release goes on or is done.
    Succeeded = "Succeeded"
    Resolving = "Resolving"
    Building = "Building"
    WaitingForImage = "WaitingForImage"
    Deploying = "Deploying"
    Verifying = "Verifying"
    RollingBack = "RollingBack"
    Migrating = "Migrating"
    Superseded = "Superseded"
    Aborted = "Aborted"
    Suspended = "Suspended"
    Resumed = "Resumed"

    # The objects do not fit together; heals when they are mended.
    BrandNotFound = "BrandNotFound"
    BrandInvalid = "BrandInvalid"
    EnvironmentNotFound = "EnvironmentNotFound"
    NamespaceNotAllowed = "NamespaceNotAllowed"
    DuplicateRelease = "DuplicateRelease"

    # From ref to commit.
    RefNotFound = "RefNotFound"
    AmbiguousRef = "AmbiguousRef"
    InvalidRef = "InvalidRef"
    RefNotAllowed = "RefNotAllowed"
    SourceNotAllowed = "SourceNotAllowed"
    SourceAuthenticationFailed = "SourceAuthenticationFailed"
    SourceNotFound = "SourceNotFound"
    SourceUnreachable = "SourceUnreachable"
    CommitQuarantined = "CommitQuarantined"

    # From commit to image.
    BuildQueued = "BuildQueued"
    RegistryUnreachable = "RegistryUnreachable"
    RegistryAuthenticationFailed = "RegistryAuthenticationFailed"
    BuildFailed = "BuildFailed"
    BuildTimedOut = "BuildTimedOut"
    BuildInfrastructureFailed = "BuildInfrastructureFailed"
    BuildNotStarted = "BuildNotStarted"
    BuildQuotaExceeded = "BuildQuotaExceeded"
    BuildStopped = "BuildStopped"
    CommitGone = "CommitGone"
    BuilderUnreachable = "BuilderUnreachable"
    BuilderMisconfigured = "BuilderMisconfigured"
    ImageNotPushed = "ImageNotPushed"
    ImageArchived = "ImageArchived"
    RepositoryNotFound = "RepositoryNotFound"
    ImageMissingAfterBuild = "ImageMissingAfterBuild"
    DigestMismatch = "DigestMismatch"

    # The Deployment.
    DeploymentNotFound = "DeploymentNotFound"
    ContainerNotFound = "ContainerNotFound"
    ContainerAmbiguous = "ContainerAmbiguous"
    ImageOverridden = "ImageOverridden"
    DeploymentRefused = "DeploymentRefused"
    ImageNotAllowed = "ImageNotAllowed"

    # What a built release waits for.
    FrozenUntil = "FrozenUntil"
    WindowInvalid = "WindowInvalid"

    # Hooks.
    PreDeployFailed = "PreDeployFailed"
    PostDeployFailed = "PostDeployFailed"
    HookLost = "HookLost"
    HookNotStarted = "HookNotStarted"

    # The new pods.
    InvalidImageName = "InvalidImageName"
    ErrImageNeverPull = "ErrImageNeverPull"
    SignatureValidationFailed = "SignatureValidationFailed"
    ImageNotFound = "ImageNotFound"
    ErrImagePull = "ErrImagePull"
    ImagePullBackOff = "ImagePullBackOff"
    RegistryUnavailable = "RegistryUnavailable"
    CreateContainerConfigError = "CreateContainerConfigError"
    RunAsNonRoot = "RunAsNonRoot"
    CreateContainerError = "CreateContainerError"
    RunContainerError = "RunContainerError"
    StartError = "StartError"
    PostStartHookError = "PostStartHookError"
    ContainerRuntimeError = "ContainerRuntimeError"
    Unschedulable = "Unschedulable"
    VolumeSourceNotFound = "VolumeSourceNotFound"
    FailedAttachVolume = "FailedAttachVolume"
    FailedMount = "FailedMount"
    FailedCreatePodSandBox = "FailedCreatePodSandBox"
    FailedCreate = "FailedCreate"
    ExceededQuota = "ExceededQuota"
    AdmissionDenied = "AdmissionDenied"
    ServiceAccountNotFound = "ServiceAccountNotFound"
    CrashLoopBackOff = "CrashLoopBackOff"
    LivenessProbeFailed = "LivenessProbeFailed"
    OOMKilled = "OOMKilled"
    NodeOutOfMemory = "NodeOutOfMemory"
    ProgressDeadlineExceeded = "ProgressDeadlineExceeded"
    PodNotReady = "PodNotReady"

    # Signals besides the pods.
    TakingBaseline = "TakingBaseline"
    AlarmActive = "AlarmActive"
    CheckUnreachable = "CheckUnreachable"
    CheckFailed = "CheckFailed"
    CheckFailedWithoutBaseline = "CheckFailedWithoutBaseline"
    EdgeFailed = "EdgeFailed"
    AlarmRaised = "AlarmRaised"
    MetricExceeded = "MetricExceeded"

    # The way back.
    RollbackRequested = "RollbackRequested"
    RollbackFailed = "RollbackFailed"
    MissingRollbackTarget = "MissingRollbackTarget"
    MigrationRan = "MigrationRan"

    # The cache in front.
    InvalidationFailed = "InvalidationFailed"

    # The Kubernetes API itself.
    KubernetesApiFailing = "KubernetesApiFailing"
    PermissionMissing = "PermissionMissing"

    # Who is told.
    NotificationFailed = "NotificationFailed"
    # A Brand, before any release.
    Asking = "Asking"
    EndpointUnreachable = "EndpointUnreachable"
    SecretForbidden = "SecretForbidden"
    SoakTooShort = "SoakTooShort"

    # What people ask for by annotations.
    VerbRefused = "VerbRefused"
    CommitOverridden = "CommitOverridden"
