{{- /* What no schema can say: values that do not go together. Each is told with what to write instead. */ -}}

{{- define "brandrelease.refusals" -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository says where the operator's image is, and is empty. Set it, and image.digest beside it: docs/image.md says how the image is built." -}}
{{- end -}}
{{- if and (eq .Values.rbac.mode "Namespaces") (not .Values.brandNamespaces) -}}
{{- fail "rbac.mode is Namespaces, and brandNamespaces names none, so nothing would be watched. Name the namespaces of the brands there (brandNamespaces: [{name: drumeo-production}]), or set rbac.mode to ClusterWide." -}}
{{- end -}}
{{- if eq .Values.builds.namespace .Release.Namespace -}}
{{- fail (printf "builds.namespace is %s, where the operator itself runs. Code of a commit runs in it: give builds a namespace of their own." .Release.Namespace) -}}
{{- end -}}
{{- $seen := dict -}}
{{- range .Values.brandNamespaces -}}
{{- if has .name (list $.Release.Namespace $.Values.builds.namespace "default" "kube-system" "kube-public" "kube-node-lease") -}}
{{- fail (printf "brandNamespaces names %s, in which the operator must not be able to release: its Secrets are not for sites. Give each brand a namespace of its own." .name) -}}
{{- end -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "brandNamespaces names %s twice. Leave one of them, with the options of both." .name) -}}
{{- end -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- if and .Values.aws.roleArn .Values.aws.secretName -}}
{{- fail "aws.roleArn and aws.secretName are both set, and the keys in the Secret would go before the role. Leave one of them." -}}
{{- end -}}
{{- if and (not .Values.aws.webhook) (not .Values.aws.roleArn) -}}
{{- fail "aws.webhook is false, so the Deployment is to mount a token for a role, and aws.roleArn names none. Set aws.roleArn, or leave aws.webhook." -}}
{{- end -}}
{{- with .Values.board -}}
{{- if and .enabled .open .tokenSecretName -}}
{{- fail "board.open and board.tokenSecretName are both set: either everybody who reaches the port may look, or who knows the token. Leave one of them." -}}
{{- end -}}
{{- if and .enabled (not .open) (not .tokenSecretName) -}}
{{- fail "board.enabled is true, and nothing says who may look. Name a Secret with the key token in board.tokenSecretName (docs/board.md has the command that makes it), or set board.open, if only those reach the port who may." -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := .Values.env -}}
{{- if has $name (list "BRANDRELEASE_NAMESPACE" "BRANDRELEASE_BUILD_NAMESPACE" "BRANDRELEASE_WATCH_NAMESPACES" "BRANDRELEASE_CACHE_DIR" "BRANDRELEASE_INSTANCE" "BRANDRELEASE_LEADER_ELECTION" "BRANDRELEASE_SHARD" "BRANDRELEASE_HTTP_ADDRESS" "KUBECONFIG") -}}
{{- fail (printf "env sets %s, which the chart sets, or which its other objects rely on. Use the value of the chart that it belongs to: builds.namespace, brandNamespaces, rbac.mode, shards." $name) -}}
{{- end -}}
{{- end -}}
{{- end }}
