// What GitOps tools do with objects and say of them, for the tests:
//
//	gitops judge < questions           what kstatus (Flux) and a health script in Lua (Argo CD) say of each object
//	gitops apply KUBECONFIG < request  apply objects as Flux's kustomize-controller does
//
// Both read and write JSON. Nothing here decides: Flux's part is its own library, and Argo CD's is the interpreter that
// it embeds, with the libraries that it opens for scripts of users.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/normalize"
	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	flux  = "kustomize.toolkit.fluxcd.io"
	limit = time.Second
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "judge":
		return judgeAll(os.Stdin, os.Stdout)
	case len(arguments) == 2 && arguments[0] == "apply":
		return apply(arguments[1], os.Stdin, os.Stdout)
	}
	return errors.New("usage: gitops judge | gitops apply KUBECONFIG")
}

// --- judge -----------------------------------------------------------------------------------------------------------

type question struct {
	Object unstructured.Unstructured `json:"object"`
	Health string                    `json:"health"`
}

type said struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdict struct {
	Kstatus said `json:"kstatus"`
	Health  said `json:"health"`
}

func judgeAll(questions io.Reader, answers io.Writer) error {
	in, out := json.NewDecoder(questions), json.NewEncoder(answers)
	for {
		var asked question
		if err := in.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer, err := judge(&asked)
		if err != nil {
			return fmt.Errorf("%s %s: %w", asked.Object.GetKind(), asked.Object.GetName(), err)
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

func judge(asked *question) (*verdict, error) {
	result, err := status.Compute(&asked.Object)
	if err != nil {
		return nil, fmt.Errorf("kstatus: %w", err)
	}
	health, err := healthOf(asked)
	if err != nil {
		return nil, fmt.Errorf("the health script: %w", err)
	}
	return &verdict{said{result.Status.String(), result.Message}, *health}, nil
}

// healthOf runs the script as Argo CD runs one that has not asked for useOpenLibs: without strings, math and files.
func healthOf(asked *question) (*said, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		call := lua.P{Fn: state.NewFunction(open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", toLua(state, asked.Object.Object))
	if err := state.DoString(asked.Health); err != nil {
		return nil, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("it returns %s and not a table", state.Get(-1).Type())
	}
	word, isWord := table.RawGetString("status").(lua.LString)
	message, isText := table.RawGetString("message").(lua.LString)
	if !isWord || !isText {
		return nil, errors.New("status or message is no text")
	}
	return &said{string(word), string(message)}, nil
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case int64:
		return lua.LNumber(known)
	case float64:
		return lua.LNumber(known)
	case string:
		return lua.LString(known)
	case []any:
		table := state.CreateTable(len(known), 0)
		for _, each := range known {
			table.Append(toLua(state, each))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(known))
		for name, each := range known {
			table.RawSetString(name, toLua(state, each))
		}
		return table
	default:
		return lua.LNil
	}
}

// --- apply -----------------------------------------------------------------------------------------------------------

type request struct {
	Objects []*unstructured.Unstructured `json:"objects"`
	// Ignore is spec.ignore of the Kustomization.
	Ignore []struct {
		Paths  []string           `json:"paths"`
		Target *jsondiff.Selector `json:"target"`
	} `json:"ignore"`
}

// apply does what kustomize-controller does between building and waiting, with the same options.
func apply(kubeconfig string, in io.Reader, out io.Writer) error {
	var asked request
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	configuration, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	to, err := client.New(configuration, client.Options{})
	if err != nil {
		return err
	}
	if err := normalize.UnstructuredList(asked.Objects); err != nil {
		return err
	}
	options := asFlux()
	for _, rule := range asked.Ignore {
		options.DriftIgnoreRules = append(options.DriftIgnoreRules, jsondiff.IgnoreRule{Paths: rule.Paths, Selector: rule.Target})
	}
	manager := ssa.NewResourceManager(to, nil, ssa.Owner{Field: "kustomize-controller", Group: flux})
	changes, err := manager.ApplyAll(context.Background(), asked.Objects, options)
	if err != nil {
		return err
	}
	done := map[string]string{}
	for _, entry := range changes.Entries {
		done[entry.Subject] = string(entry.Action)
	}
	return json.NewEncoder(out).Encode(done)
}

func asFlux() ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.ExclusionSelector = map[string]string{flux + "/reconcile": "disabled", flux + "/ssa": "Ignore"}
	options.IfNotPresentSelector = map[string]string{flux + "/ssa": "IfNotPresent"}
	options.ForceSelector = map[string]string{flux + "/force": "Enabled"}
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "kustomize-controller", OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{flux + "/ssa": "Merge"},
	}
	return options
}
